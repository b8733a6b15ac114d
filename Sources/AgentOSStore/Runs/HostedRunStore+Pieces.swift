import AgentOSCore
import Crypto
import Foundation

/// A process's right to advance a run. Every commit checks it; a claim by somebody else ends it.
public struct RunLease: Sendable, Hashable {
    public let ref: RunRef
    public let fence: Int64
}

/// What hosted runs begin with and advance by.
extension HostedRunStore {
    /// Which conversation a new run takes part in.
    public enum Session: Sendable {
        case none
        case start(externalUserID: String?)
        /// `externalUserID`: whom the caller says that it is with.
        case resume(ConversationRef, externalUserID: String? = nil)
    }

    /// A turn that a completed run adds to its conversation.
    public struct Turn: Sendable {
        public let user: String
        public let assistant: String

        public init(user: String, assistant: String) {
            self.user = user
            self.assistant = assistant
        }
    }

    /// Recognises an invoke that is sent again.
    public struct Invocation: Sendable {
        public let key: String
        /// Of the request's body.
        public let digest: [UInt8]
        /// What the caller calls the run: its external id, unless another run of the agent has it.
        public var externalRunID: String?

        public init(key: String, body: some DataProtocol) {
            self.key = key
            digest = Array(SHA256.hash(data: body))
        }

        /// Of what the server begins by itself: with a blank, which no caller's key has, so that none can take it first.
        public init(own kind: String, _ name: String, body: some DataProtocol) {
            self.init(key: "\(kind) \(name)", body: body)
        }

        /// A key as a caller gave it.
        /// - Throws: VALIDATION_ERROR naming the field.
        public static func checked(_ key: String, field: String) throws -> String {
            guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw AgentOSError.invalid(field, "must be 1 to 255 printable ASCII characters without blanks")
            }
            return key
        }
    }

    /// Everything a new run begins with.
    public struct Beginning: Sendable {
        public var run: RunStore.NewRun
        public var session = Session.none
        public var conversation: ConversationID?
        public var invocation: Invocation?
        public var entries: [JournalEntry]
        public var events: OwnEvents
        /// Set aside for the first model call; its amount is an upper bound.
        public var estimate: Reservation?
        public var origin: (key: Int64, step: Int)?

        public init(run: RunStore.NewRun, entries: [JournalEntry], events: OwnEvents) {
            self.run = run
            self.entries = entries
            self.events = events
        }
    }

    public enum Begun: Sendable {
        /// `reservation`: what was set aside for the first model call.
        case new(RunLease, reservation: Reservation?)
        /// The run that an invoke with the same key and body began.
        case known(RunRef)
    }

    /// What happened since the last commit, with its effects.
    public struct Advance: Sendable {
        public var entries: [JournalEntry]
        public var events: OwnEvents?
        /// Reservations that are over, with what was spent.
        public var settlements: [(reservation: Reservation, spent: Money)] = []
        /// To be set aside for the model call that the last entry announces.
        public var estimate: Reservation?
        public var pause: RunMachine.Pause?

        public init(entries: [JournalEntry], events: OwnEvents?) {
            self.entries = entries
            self.events = events
        }
    }
}
