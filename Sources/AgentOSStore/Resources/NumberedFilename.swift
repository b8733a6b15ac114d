/// A filename that can take a number before its extension without growing beyond what a name may have.
struct NumberedFilename {
    static let lengthBound = 200
    private static let longestExtension = 20
    /// `-` and five digits.
    private static let longestNumber = 6

    let stem: String
    private let suffix: String

    init(_ filename: String) {
        let scalars = Array(filename.unicodeScalars)
        var cut = scalars.count
        if let dot = scalars.lastIndex(of: "."), dot > 0, scalars.count - dot <= Self.longestExtension { cut = dot }
        let room = max(1, Self.lengthBound - Self.longestNumber - (scalars.count - cut))
        stem = String(String.UnicodeScalarView(scalars[..<min(cut, room)]))
        suffix = String(String.UnicodeScalarView(scalars[cut...]))
    }

    func name(_ number: Int) -> String { "\(stem)-\(number)\(suffix)" }
}
