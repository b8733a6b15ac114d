import AgentOSCore
import AgentOSOutbound
import Synchronization

/// What the HTTP providers have in common: sending JSON, reading bounded answers, and turning faults into
/// `ProviderError`.
struct ProviderWire: Sendable {
    /// Longest reply that is read, in bytes on the wire.
    static let maximumReplyBytes = 32 << 20
    /// How much of an error's body is looked at.
    static let maximumErrorBytes = 16 << 10
    static let maximumMessageCharacters = 300
    /// Time until a provider must have begun to answer; a plain reply begins when it is complete. Longer than a run may
    /// take, so that it is the run's own limit that ends it.
    static let timeoutSeconds = 330.0

    /// The provider's name in messages.
    let name: String
    let url: String
    let headers: [(name: String, value: String)]
    let guarded: Bool
    let redactor: Redactor
    let client: OutboundClient
    let clock: WallClock

    /// Sends the call and hands out its answer, the status of which is one of success.
    /// - Throws: `ProviderError`, `CancellationError`
    func post(_ body: [UInt8], stream: Bool) async throws -> OutboundStream {
        var request = OutboundRequest(
            method: "POST", url: url, headers: headers, body: body, timeoutSeconds: Self.timeoutSeconds)
        request.headers.append(("content-type", "application/json"))
        request.headers.append(("accept", stream ? "text/event-stream" : "application/json"))
        request.headers.append(("user-agent", "AgentOS"))
        let answer: OutboundStream
        do {
            answer = try await client.stream(request, guarded: guarded)
        } catch {
            throw fault(error)
        }
        guard (200..<300).contains(answer.status) else { throw try await refusal(answer) }
        return answer
    }

    /// The whole body of a plain reply as JSON.
    /// - Throws: `ProviderError`, `CancellationError`
    func json(_ answer: OutboundStream) async throws -> JSONValue {
        let bytes: [UInt8]
        do {
            let (body, truncated) = try await answer.bytes(upTo: Self.maximumReplyBytes)
            guard !truncated else { throw tooLong }
            bytes = body
        } catch {
            throw fault(error)
        }
        guard let value = try? JSONParser.parse(bytes), value.objectValue != nil else { throw garbage }
        return value
    }

    /// Reads a streamed reply into what is made of it.
    ///
    /// - Parameters:
    ///   - assembly: gets the data of each event, on a thread of the network.
    ///   - pass: gets the pieces of text that came in together, on that thread too.
    /// - Returns: what was made of the events.
    /// - Throws: `ProviderError`, `CancellationError`
    func events<Assembly: StreamAssembly>(
        _ answer: OutboundStream, into assembly: Assembly, _ pass: @escaping @Sendable ([String]) -> Void
    ) async throws -> Assembly {
        let state = Mutex(Reading(assembly: assembly))
        do {
            try await answer.read { chunk in
                let (pieces, isComplete) = try state.withLock { state in
                    state.size += chunk.count
                    guard state.size <= Self.maximumReplyBytes else { throw tooLong }
                    var pieces: [String] = []
                    for event in try state.parser.feed(chunk.assumingMemoryBound(to: UInt8.self)) {
                        if let piece = try state.assembly.on(data: event.data) { pieces.append(piece) }
                        if state.assembly.isComplete { break }
                    }
                    return (pieces, state.assembly.isComplete)
                }
                if !pieces.isEmpty { pass(pieces) }
                return isComplete ? .enough : .more
            }
        } catch {
            let fault = self.fault(error)
            guard let known = fault as? ProviderError else { throw fault }
            throw known.counting(state.withLock { $0.assembly.usage })
        }
        return state.withLock { $0.assembly }
    }

    /// How far a streamed reply has been read.
    private struct Reading<Assembly: StreamAssembly>: Sendable {
        var parser = SSEParser()
        var size = 0
        var assembly: Assembly
    }

    /// Any error as this provider's, except cancellation.
    func fault(_ error: any Error) -> any Error {
        switch error {
        case is ProviderError, is CancellationError: return error
        case is SSEParser.TooLarge: return tooLong
        case let error as OutboundError:
            let message = "\(name) cannot be reached. \(error.message)"
            switch error.kind {
            case .unreachable, .unresolved: return ProviderError(.unreachable, message)
            case .connection:
                return ProviderError(.unreachable, "The reply of \(name) broke off. \(error.message)", repeats: 1)
            case .badURL, .badRequest, .refusedAddress: return ProviderError(.refused, message)
            case .timeout, .tooManyRedirects, .tooLarge, .shutDown:
                return ProviderError(.unreachable, message, repeats: 0)
            }
        default: return ProviderError(.unreachable, "The call of \(name) failed.", repeats: 1)
        }
    }

    var garbage: ProviderError { ProviderError(.malformed, "\(name) sent something that is no reply.") }

    var brokenOff: ProviderError {
        ProviderError(.malformed, "The reply of \(name) ended before it was complete.", repeats: 1)
    }

    /// - Parameter words: what the model said to it, if anything.
    func declined(_ words: String?) -> ProviderError {
        ProviderError(.refused, "\(name) declined to answer\(short(words)).")
    }

    private var tooLong: ProviderError {
        ProviderError(.malformed, "The reply of \(name) is longer than \(Self.maximumReplyBytes >> 20) MiB.")
    }

    /// An error that came inside a reply which began with success.
    func inner(_ error: JSONValue) -> ProviderError {
        let kind: ProviderError.Kind
        if let status = error["code"]?.intValue, (400..<600).contains(status) {
            kind = ProviderError.kind(ofStatus: status)
        } else {
            kind = ProviderError.kind(ofType: error["type"]?.stringValue ?? "")
        }
        let text = short(error["message"]?.stringValue ?? error.stringValue)
        return ProviderError(kind, "\(name) reported an error\(text).")
    }

    private func refusal(_ answer: OutboundStream) async throws -> ProviderError {
        let bytes: [UInt8]
        do {
            bytes = try await answer.bytes(upTo: Self.maximumErrorBytes).bytes
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            bytes = []
        }
        let body = try? JSONParser.parse(bytes)
        let text = short(
            body?["error"]?["message"]?.stringValue ?? body?["error"]?.stringValue ?? body?["message"]?.stringValue)
        let status = answer.status
        let after = answer.header("retry-after").flatMap { RetryAfter.seconds($0, now: clock.now()) }
        let code = body?["error"]?["code"]?.stringValue
        return ProviderError(
            ProviderError.kind(ofStatus: status, code: code), status: status, "\(name) answered \(status)\(text).",
            // Waiting does not fill an empty account, which is reported as too many requests.
            retryAfter: after, repeats: code == "insufficient_quota" ? 0 : nil)
    }

    /// `: words` of a provider's own message, on one line, cut and without keys; nothing when there is none.
    private func short(_ message: String?) -> String {
        guard let message, !message.isBlank else { return "" }
        // Redacted before it is cut: of a key that is cut in two the first half would stay.
        let line = redactor.redact(message).unicodeScalars.prefix(2000)
            .map { $0.properties.generalCategory == .control ? " " : $0 }
        var text = String(String.UnicodeScalarView(line))
        if text.count > Self.maximumMessageCharacters {
            text = String(text.prefix(Self.maximumMessageCharacters)) + "…"
        }
        while text.last == "." || text.last == " " { text.removeLast() }
        return ": " + text
    }
}

/// Puts a reply together from the events of its stream.
protocol StreamAssembly: Sendable {
    /// Whether the stream has said that the reply is complete.
    var isComplete: Bool { get }

    /// What the provider has counted so far.
    var usage: TokenUsage { get }

    /// Takes in the data of an event.
    /// - Returns: text to pass on, if any.
    /// - Throws: `ProviderError`
    mutating func on(data: [UInt8]) throws -> String?
}
