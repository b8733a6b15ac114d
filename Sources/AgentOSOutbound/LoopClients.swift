import AsyncHTTPClient
import NIOCore
import Synchronization

/// One HTTP client for each thread of the network, so that a connection and whoever reads from it are on the same thread.
///
/// A client over all threads would hop between them for every piece of an answer, or, told to stay on one thread, close
/// each connection after a request.
final class LoopClients: Sendable {
    /// Requests under way on one thread before the next is used: seldom calls find the connection of the last one.
    private static let fill = 8

    fileprivate final class Member: Sendable {
        let client: HTTPClient
        let busy = Atomic(0)

        init(_ client: HTTPClient) { self.client = client }
    }

    /// The client that a request was given; counts as busy until it is let go.
    final class Lease: Sendable {
        private let member: Member
        var client: HTTPClient { member.client }

        fileprivate init(_ member: Member) {
            self.member = member
            member.busy.add(1, ordering: .relaxed)
        }

        deinit { member.busy.subtract(1, ordering: .relaxed) }
    }

    private let members: [Member]

    init(group: any EventLoopGroup, _ configuration: HTTPClient.Configuration) {
        members = group.makeIterator().map { Member(HTTPClient(eventLoopGroup: $0, configuration: configuration)) }
    }

    func lease() -> Lease {
        var quietest = members[0]
        var least = Int.max
        for member in members {
            let busy = member.busy.load(ordering: .relaxed)
            if busy < Self.fill { return Lease(member) }
            if busy < least { (quietest, least) = (member, busy) }
        }
        return Lease(quietest)
    }

    func shutdown() async {
        for member in members { try? await member.client.shutdown() }
    }
}
