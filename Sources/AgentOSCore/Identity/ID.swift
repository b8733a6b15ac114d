/// A 128-bit UUID kept as two integers: hashing and comparing cost nothing, the text is made only at the edge.
public struct UUIDBits: Hashable, Sendable, Comparable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public static func < (a: UUIDBits, b: UUIDBits) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }

    /// Reads the canonical 36-character form, either case. Anything else is nil.
    public init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var digits = 0
        for index in 0..<36 {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                if byte != UInt8(ascii: "-") { return nil }
                continue
            }
            let value: UInt64
            switch byte {
            case 0x30...0x39: value = UInt64(byte - 0x30)
            case 0x61...0x66: value = UInt64(byte - 0x61 + 10)
            case 0x41...0x46: value = UInt64(byte - 0x41 + 10)
            default: return nil
            }
            if digits < 16 { high = high << 4 | value } else { low = low << 4 | value }
            digits += 1
        }
        self.init(high: high, low: low)
    }

    public init?(_ text: String) {
        var text = text
        let parsed = text.withUTF8 { UUIDBits(utf8: $0) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The 16 bytes, big-endian, as stored.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        var index = 0
        for byte in bytes {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
            index += 1
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(16)
        for shift in stride(from: 56, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: high >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            out.append(UInt8(truncatingIfNeeded: low >> UInt64(shift)))
        }
        return out
    }

    /// Appends the 36 lower-case characters.
    public func append(to out: inout [UInt8]) {
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { out.append(UInt8(ascii: "-")) }
            let word = index < 16 ? high : low
            let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - (index % 16) * 4)) & 0xf
            out.append(nibble < 10 ? nibble + 0x30 : nibble + 0x57)
        }
    }

    public var text: String {
        var out: [UInt8] = []
        out.reserveCapacity(36)
        append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// A new time-ordered id (RFC 9562, version 7): 48 bits of milliseconds, 74 random bits.
    public static func v7(at time: Timestamp) -> UUIDBits {
        var generator = SystemRandomNumberGenerator()
        let millis = UInt64(max(0, time.milliseconds)) & 0xffff_ffff_ffff
        let high = millis << 16 | 0x7000 | (generator.next() & 0x0fff)
        let low = (generator.next() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        return UUIDBits(high: high, low: low)
    }

    /// When an id of version 7 was made, in whole milliseconds.
    public var timeOfMaking: Timestamp { Timestamp(microseconds: Int64(high >> 16) * 1000) }

    /// The id of a thing that is found by two numbers (an event by its run and sequence number): always the same
    /// for the same input, shaped as a version 8 UUID (RFC 9562: "custom").
    public static func derived(from parent: UUIDBits, number: UInt64) -> UUIDBits {
        func mix(_ value: UInt64) -> UInt64 {
            var z = value &+ 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        let a = mix(parent.high ^ mix(number))
        let b = mix(parent.low ^ mix(a &+ number))
        return UUIDBits(
            high: (a & 0xffff_ffff_ffff_0fff) | 0x8000, low: (b & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000)
    }
}

/// An id that knows what it names, so that a run's id cannot be passed where an agent's is due.
public struct ID<Named>: Hashable, Sendable, CustomStringConvertible {
    public let bits: UUIDBits

    public init(_ bits: UUIDBits) { self.bits = bits }

    public init?(_ text: String) {
        guard let bits = UUIDBits(text) else { return nil }
        self.bits = bits
    }

    public static func new(at time: Timestamp) -> ID { ID(.v7(at: time)) }

    public var description: String { bits.text }
}

public enum WorkspaceTag {}
public enum FolderTag {}
public enum EvalCaseTag {}
public enum EvalRunTag {}
public enum EvalSuiteTag {}
public enum ReportTag {}
public enum WebhookTag {}
public enum DeliveryTag {}
public enum AlertTag {}
public enum MemberTag {}
public enum AuditTag {}
public enum InviteTag {}
public enum NotificationTag {}
public enum AgentTag {}
public enum RunTag {}
public enum KeyTag {}
public enum UserTag {}
public enum ConversationTag {}
public enum HumanRequestTag {}
public enum TaskTag {}
public enum ApprovalTag {}
public enum ResourceTag {}
public enum WorkspaceToolTag {}
public enum MCPServerTag {}
public enum NodeTag {}

public typealias WebhookID = ID<WebhookTag>
public typealias DeliveryID = ID<DeliveryTag>
public typealias AlertID = ID<AlertTag>
public typealias EvalCaseID = ID<EvalCaseTag>
public typealias EvalRunID = ID<EvalRunTag>
public typealias EvalSuiteID = ID<EvalSuiteTag>
public typealias ReportID = ID<ReportTag>
public typealias FolderID = ID<FolderTag>
public typealias AuditID = ID<AuditTag>
public typealias MemberID = ID<MemberTag>
public typealias InviteID = ID<InviteTag>
public typealias NotificationID = ID<NotificationTag>
public typealias WorkspaceID = ID<WorkspaceTag>
public typealias AgentID = ID<AgentTag>
public typealias RunID = ID<RunTag>
public typealias KeyID = ID<KeyTag>
public typealias UserID = ID<UserTag>
/// A conversation and a session are the same thing: `session_id` on the invoke road, `conversation_id` elsewhere.
public typealias ConversationID = ID<ConversationTag>
public typealias HumanRequestID = ID<HumanRequestTag>
public typealias TaskID = ID<TaskTag>
public typealias ApprovalID = ID<ApprovalTag>
public typealias ResourceID = ID<ResourceTag>
public typealias WorkspaceToolID = ID<WorkspaceToolTag>
public typealias MCPServerID = ID<MCPServerTag>
public typealias NodeID = ID<NodeTag>
