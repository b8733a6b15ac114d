/// A regular expression as instructions for the matcher. Part 0 is the expression, the others are what it looks ahead
/// or behind for; those that look behind run from right to left.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        case character(UInt32)
        case set(Int)
        case split(Int, Int)
        case jump(Int)
        case start, end
        case wordBorder(Bool)
        case look(Int, negated: Bool)
        case match
    }

    struct Part: Sendable {
        var instructions: [Instruction] = []
        let backward: Bool
    }

    /// The most instructions of all parts together.
    static let maximumSize = 20_000
    /// The largest count in `{…}`.
    static let maximumRepetition = 10_000

    private(set) var parts: [Part] = []
    private(set) var sets: [PatternSet] = []
    private var size = 0

    /// - Throws: `PatternError` when the expression comes out too large.
    init(_ syntax: PatternSyntax) throws { _ = try add(syntax, backward: false) }

    private mutating func add(_ syntax: PatternSyntax, backward: Bool) throws -> Int {
        let index = parts.count
        parts.append(Part(backward: backward))
        try emit(syntax, into: index)
        try put(.match, into: index)
        return index
    }

    private mutating func count() throws {
        size += 1
        guard size <= Self.maximumSize else { throw PatternError(message: "comes out too large") }
    }

    @discardableResult
    private mutating func put(_ instruction: Instruction, into part: Int) throws -> Int {
        try count()
        parts[part].instructions.append(instruction)
        return parts[part].instructions.count - 1
    }

    private func next(_ part: Int) -> Int { parts[part].instructions.count }

    private mutating func emit(_ syntax: PatternSyntax, into part: Int) throws {
        try count()
        switch syntax {
        case .character(let character): try put(.character(character), into: part)
        case .set(let set):
            sets.append(set)
            try put(.set(sets.count - 1), into: part)
        case .sequence(let items):
            if parts[part].backward {
                for item in items.reversed() { try emit(item, into: part) }
            } else {
                for item in items { try emit(item, into: part) }
            }
        case .choice(let items): try emitChoice(items, into: part)
        case .repeated(let item, let minimum, let maximum):
            try emitRepeated(item, minimum: minimum, maximum: maximum, into: part)
        case .start: try put(.start, into: part)
        case .end: try put(.end, into: part)
        case .wordBorder(let wanted): try put(.wordBorder(wanted), into: part)
        case .look(let inner, let ahead, let negated):
            let other = try add(inner, backward: !ahead)
            try put(.look(other, negated: negated), into: part)
        }
    }

    private mutating func emitChoice(_ items: [PatternSyntax], into part: Int) throws {
        var exits: [Int] = []
        for (position, item) in items.enumerated() {
            guard position < items.count - 1 else {
                try emit(item, into: part)
                break
            }
            let split = try put(.split(0, 0), into: part)
            try emit(item, into: part)
            exits.append(try put(.jump(0), into: part))
            parts[part].instructions[split] = .split(split + 1, next(part))
        }
        for exit in exits { parts[part].instructions[exit] = .jump(next(part)) }
    }

    private mutating func emitRepeated(
        _ item: PatternSyntax, minimum: Int, maximum: Int?, into part: Int
    ) throws {
        for _ in 0..<minimum { try emit(item, into: part) }
        guard let maximum else {
            let split = try put(.split(0, 0), into: part)
            try emit(item, into: part)
            try put(.jump(split), into: part)
            parts[part].instructions[split] = .split(split + 1, next(part))
            return
        }
        var exits: [Int] = []
        for _ in minimum..<max(minimum, maximum) {
            exits.append(try put(.split(0, 0), into: part))
            try emit(item, into: part)
        }
        for exit in exits { parts[part].instructions[exit] = .split(exit + 1, next(part)) }
    }
}
