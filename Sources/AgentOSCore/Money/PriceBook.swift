/// The list prices of models, dated, with their context windows.
///
/// A model is found by its id or one of its other names, else by the longest of these that the asked id continues with
/// a date or a pointer to the latest: `-20250929`, `-2025-09-29`, `@20250929`, `-latest`. Nothing else is guessed: what
/// is not in the book has no price. It is for standard calls; other prices of long prompts, batches and fast modes are
/// not in it.
public struct PriceBook: Sendable {
    /// A price with the moment from which it holds.
    public struct DatedPrice: Sendable, Hashable {
        public let from: Timestamp
        public let price: Price

        public init(from: Timestamp, price: Price) {
            self.from = from
            self.price = price
        }
    }

    /// All that the book knows of a model.
    public struct Model: Sendable, Hashable {
        public let id: String
        /// Other ids under which it is called, in order.
        public let aliases: [String]
        /// Never empty; the oldest first.
        public let prices: [DatedPrice]
        /// How many tokens fit its context window, where that is known.
        public let contextTokens: Int?
    }

    /// The list prices that came with this release.
    public static let builtIn = (try? PriceBook(json: PackageResources.prices_json)) ?? PriceBook()

    /// Models by id.
    private var entries: [String: Model] = [:]
    /// The id of the model that each id and alias stands for.
    private var names: [String: String] = [:]

    /// A book without a price.
    public init() {}

    init(entries: [String: Model], names: [String: String]) {
        self.entries = entries
        self.names = names
    }

    /// This book with what another one says instead: a model that `other` has takes all its prices from there, and a
    /// name that both give stands for the model that `other` says. A context window stays known when `other` leaves it
    /// out.
    public func overridden(by other: PriceBook) -> PriceBook {
        var book = self
        for (id, model) in other.entries {
            let aliases = model.aliases + (entries[id]?.aliases ?? []).filter { !model.aliases.contains($0) }
            book.entries[id] = Model(
                id: id, aliases: aliases, prices: model.prices,
                contextTokens: model.contextTokens ?? entries[id]?.contextTokens)
        }
        book.names.merge(other.names) { _, new in new }
        return book
    }

    /// The price of a model at a moment: the newest that holds from then or before.
    /// - Returns: nil when the model is not in the book, or not yet at that moment.
    public func price(of model: String, at time: Timestamp) -> Price? {
        entry(for: model)?.prices.last { $0.from <= time }?.price
    }

    /// How many tokens fit the context window of a model; nil when that is not known.
    public func contextTokens(of model: String) -> Int? { entry(for: model)?.contextTokens }

    /// All models, by id.
    public var models: [Model] { entries.values.sorted { $0.id < $1.id } }

    private func entry(for model: String) -> Model? {
        if let id = names[model] { return entries[id] }
        // The suffixes have few lengths; the longest name is that before the shortest suffix.
        let bytes = Array(model.utf8)
        for length in Self.suffixLengths where bytes.count > length && Self.isSuffix(bytes.suffix(length)) {
            let name = String(decoding: bytes.dropLast(length), as: UTF8.self)
            if let id = names[name] { return entries[id] }
        }
        return nil
    }

    /// `-latest`, `-20250929` or `@20250929`, `-2025-09-29`.
    private static let suffixLengths = [7, 9, 11]

    private static func isSuffix(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.elementsEqual("-latest".utf8) { return true }
        guard let first = bytes.first else { return false }
        let isDash = first == UInt8(ascii: "-")
        guard isDash || first == UInt8(ascii: "@") else { return false }
        let rest = Array(bytes.dropFirst())
        if rest.count == 8 { return rest.allSatisfy { $0 &- 0x30 <= 9 } }
        guard isDash, rest.count == 10 else { return false }
        return rest.indices.allSatisfy { index in
            index == 4 || index == 7 ? rest[index] == UInt8(ascii: "-") : rest[index] &- 0x30 <= 9
        }
    }
}
