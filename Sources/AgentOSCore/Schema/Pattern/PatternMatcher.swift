/// Looks for a match by following all possibilities at once, a character at a time: the time grows with the length of
/// the text times that of the expression, whatever they are.
struct PatternMatcher {
    struct OutOfSteps: Error {}

    private let program: PatternProgram
    private let text: [UInt32]
    private var steps: Int
    /// What looking ahead or behind came to, by part and place.
    private var looked: [Int: Bool] = [:]

    /// Whether there is a match anywhere in the text. Takes what it needed off `steps`.
    /// - Throws: `OutOfSteps`
    static func finds(_ program: PatternProgram, in text: String, steps: inout Int) throws -> Bool {
        var matcher = PatternMatcher(program: program, text: text.unicodeScalars.map(\.value), steps: steps)
        defer { steps = matcher.steps }
        return try matcher.run(0, from: 0, anywhere: true)
    }

    private init(program: PatternProgram, text: [UInt32], steps: Int) {
        self.program = program
        self.text = text
        self.steps = steps
    }

    /// The instructions that wait for the next character, each once.
    private struct Waiting {
        var list: [Int] = []
        var mark: [Int]

        init(_ size: Int) { mark = Array(repeating: -1, count: size) }
    }

    private mutating func spend(_ count: Int = 1) throws {
        steps -= count
        if steps < 0 { throw OutOfSteps() }
    }

    private mutating func run(_ index: Int, from start: Int, anywhere: Bool) throws -> Bool {
        let part = program.parts[index]
        try spend(part.instructions.count / 8)
        var now = Waiting(part.instructions.count)
        var later = Waiting(part.instructions.count)
        var place = start
        // A match that has to begin at the start is not looked for elsewhere.
        var anywhere = anywhere
        if case .start? = part.instructions.first { anywhere = false }
        while true {
            if anywhere || place == start, try follow(0, of: index, at: place, into: &now) { return true }
            if now.list.isEmpty, !anywhere { return false }
            let here = part.backward ? place - 1 : place
            guard here >= 0, here < text.count else { return false }
            let character = text[here]
            let following = part.backward ? place - 1 : place + 1
            later.list.removeAll(keepingCapacity: true)
            for instruction in now.list {
                let fits =
                    switch part.instructions[instruction] {
                    case .character(let wanted): wanted == character
                    case .set(let set): program.sets[set].contains(character)
                    default: false
                    }
                if fits, try follow(instruction + 1, of: index, at: following, into: &later) { return true }
            }
            swap(&now, &later)
            place = following
            try spend()
        }
    }

    /// Follows what needs no character. True when the end of the part is reached.
    private mutating func follow(
        _ first: Int, of index: Int, at place: Int, into waiting: inout Waiting
    ) throws -> Bool {
        var open = [first]
        while let current = open.popLast() {
            guard waiting.mark[current] != place else { continue }
            waiting.mark[current] = place
            switch program.parts[index].instructions[current] {
            case .match: return true
            case .character, .set:
                try spend()
                waiting.list.append(current)
            case .jump(let target): open.append(target)
            case .split(let one, let other):
                try spend()
                open.append(other)
                open.append(one)
            case .start: if place == 0 { open.append(current + 1) }
            case .end: if place == text.count { open.append(current + 1) }
            case .wordBorder(let wanted):
                let before = place > 0 && PatternSet.isWord(text[place - 1])
                let after = place < text.count && PatternSet.isWord(text[place])
                if (before != after) == wanted { open.append(current + 1) }
            case .look(let part, let negated):
                try spend()
                if try look(part, at: place) != negated { open.append(current + 1) }
            }
        }
        return false
    }

    private mutating func look(_ part: Int, at place: Int) throws -> Bool {
        let key = part * (text.count + 1) + place
        if let known = looked[key] { return known }
        let found = try run(part, from: place, anywhere: false)
        looked[key] = found
        return found
    }
}
