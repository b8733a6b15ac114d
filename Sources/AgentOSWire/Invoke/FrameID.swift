/// The place of a frame in a run's stream: the journal entry it tells of, and its number among that entry's frames.
/// Written `entry-number`, as `id:` and `Last-Event-ID` carry it.
public struct FrameID: Sendable, Hashable, Comparable {
    public let entry: Int
    public let number: Int

    /// Before every frame.
    public static let beginning = FrameID(entry: -1, number: 0)

    public init(entry: Int, number: Int) {
        self.entry = entry
        self.number = number
    }

    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let entry = Int(parts[0]), let number = Int(parts[1]), entry >= 0, number >= 0 else {
            return nil
        }
        self.init(entry: entry, number: number)
    }

    public var text: String { "\(entry)-\(number)" }

    public static func < (a: FrameID, b: FrameID) -> Bool {
        a.entry == b.entry ? a.number < b.number : a.entry < b.entry
    }
}
