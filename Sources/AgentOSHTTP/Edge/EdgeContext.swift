import AgentOSCore
import Hummingbird
import NIOCore

/// What a request brings along besides itself.
public struct EdgeContext: Sendable, InitializableFromSource {
    public let channel: any Channel

    public init(source: ApplicationRequestContextSource) { channel = source.channel }

    /// The peer's address without the port.
    var peer: String { channel.remoteAddress?.ipAddress ?? "unknown" }
}
