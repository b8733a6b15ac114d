/// Validated events on their way into the log: their bytes as they came, and what the store must know of each.
public struct EventBatch: Sendable {
    public struct Item: Sendable {
        /// Place of the event object in `bytes`.
        public var offset: UInt32
        public var length: UInt32
        /// Recognises the event when it is sent again: a hash of its span id, or of its bytes. 0: never a repeat.
        public var digest: UInt64
        /// Microseconds; nil when the sender gave none (time of receipt counts then).
        public var occurredAt: Int64?
        public var isSpan: Bool
        public var isError: Bool

        public init(offset: UInt32, length: UInt32, digest: UInt64, occurredAt: Int64?, isSpan: Bool, isError: Bool) {
            self.offset = offset
            self.length = length
            self.digest = digest
            self.occurredAt = occurredAt
            self.isSpan = isSpan
            self.isError = isError
        }
    }

    /// Tokens that one event of the batch reports.
    public struct Tokens: Sendable {
        public var item: Int
        public var usage: TokenUsage
        /// From a span of kind `llm`; else from an `llm.response` event.
        public var isSpan: Bool
        /// Whose tokens they are, in the sender's words.
        public var model: String?
        /// What they cost; nil when the model has no known price.
        public var cost: Money?

        public init(item: Int, usage: TokenUsage, isSpan: Bool, model: String? = nil, cost: Money? = nil) {
            self.item = item
            self.model = model
            self.usage = usage
            self.isSpan = isSpan
            self.cost = cost
        }
    }

    public var bytes: [UInt8]
    public var items: [Item]
    public var tokens: [Tokens]
    /// A model that an event names without telling of tokens.
    public var model: String?

    public init(bytes: [UInt8] = [], items: [Item] = [], tokens: [Tokens] = [], model: String? = nil) {
        self.bytes = bytes
        self.items = items
        self.tokens = tokens
        self.model = model
    }

    /// Puts a price on tokens whose model the book knows.
    public mutating func price(by book: PriceBook, at time: Timestamp) {
        for index in tokens.indices where tokens[index].cost == nil {
            guard let model = tokens[index].model else { continue }
            tokens[index].cost = book.price(of: model, at: time)?.cost(of: tokens[index].usage)
        }
    }

    /// Appends an event made by the server itself; such events are never repeats.
    public mutating func append(
        event: [UInt8], occurredAt: Timestamp, isSpan: Bool = false, isError: Bool = false,
        tokens usage: TokenUsage? = nil, model: String? = nil, cost: Money? = nil
    ) {
        if let usage {
            tokens.append(Tokens(item: items.count, usage: usage, isSpan: isSpan, model: model, cost: cost))
        }
        items.append(
            Item(
                offset: UInt32(bytes.count), length: UInt32(event.count), digest: 0,
                occurredAt: occurredAt.microseconds, isSpan: isSpan, isError: isError))
        bytes.append(contentsOf: event)
    }
}

/// One event as it lies in the log.
public struct StoredEvent: Sendable {
    public let sequence: Int64
    public let createdAt: Timestamp
    /// The event object as it was sent, valid JSON.
    public let raw: ArraySlice<UInt8>

    public init(sequence: Int64, createdAt: Timestamp, raw: ArraySlice<UInt8>) {
        self.sequence = sequence
        self.createdAt = createdAt
        self.raw = raw
    }
}
