import AgentOSCore
import HTTPTypes
import Hummingbird
import NIOCore

/// Plays the steps of a script over HTTP.
struct FakeAnswering: Sendable {
    private struct Cut: Error {}

    let state: FakeState

    func respond(to request: Request) async throws -> Response {
        let dialect: FakeRequest.Dialect
        switch request.uri.path {
        case "/v1/messages": dialect = .anthropic
        case "/v1/chat/completions": dialect = .openAI
        default: return try await page(request)
        }
        var request = request
        let bytes = try await request.collectBody(upTo: 64 << 20)
        guard let body = try? JSONParser.parse(Array(bytes.readableBytesView)) else {
            return json(400, FakeFormat.error(dialect, status: 400, message: "the request body is not JSON"))
        }
        let received = FakeRequest(dialect: dialect, headers: fields(of: request), body: body)
        if let problem = received.problem {
            return json(400, FakeFormat.error(dialect, status: 400, message: problem))
        }
        let (index, step) = state.take(received)
        return try await play(step.played(to: received), index, received, request)
    }

    private func page(_ request: Request) async throws -> Response {
        var request = request
        let bytes = try await request.collectBody(upTo: 64 << 20)
        let visit = FakeVisit(
            method: request.method.rawValue, target: request.uri.string, headers: fields(of: request),
            body: Array(bytes.readableBytesView))
        guard case .raw(let status, let contentType, let headers, let body)? = state.take(visit)?.content else {
            return Response(status: .notFound)
        }
        return raw(status, contentType ?? "text/plain", headers, body)
    }

    private func fields(of request: Request) -> [String: String] {
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        if let host = request.head.authority { headers["host"] = host }
        return headers
    }

    private func raw(
        _ status: Int, _ contentType: String, _ headers: [(name: String, value: String)], _ body: [UInt8]
    ) -> Response {
        var fields: HTTPFields = [.contentType: contentType]
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        return Response(status: .init(code: status), headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    private func play(
        _ step: FakeStep, _ index: Int, _ received: FakeRequest, _ request: Request
    ) async throws -> Response {
        switch step.content {
        case .error(let status, let message, let retryAfter):
            var response = json(status, FakeFormat.error(received.dialect, status: status, message: message))
            if let retryAfter, let name = HTTPField.Name("retry-after") { response.headers[name] = retryAfter }
            return response
        case .raw(let status, let contentType, let headers, let body):
            let usual = received.isStreamed ? "text/event-stream" : "application/json"
            return raw(status, contentType ?? usual, headers, body)
        case .text, .json, .tools: break
        }
        if received.isStreamed { return stream(step, index, received, request) }
        if let gate = step.gate { try await wait(for: gate, index, request) }
        if step.cutAfter != nil {
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(contentLength: 4096) { writer in
                    try await writer.write(ByteBuffer(string: "{\"id\": \"msg_cut\", \"conte"))
                    throw Cut()
                })
        }
        return json(200, FakeFormat.plain(received, step))
    }

    private func stream(_ step: FakeStep, _ index: Int, _ received: FakeRequest, _ request: Request) -> Response {
        let frames = FakeFormat.stream(received, step)
        let headers: HTTPFields = [.contentType: "text/event-stream"]
        guard step.gate != nil || step.cutAfter != nil else {
            let buffers = frames.map { ByteBuffer(string: $0.text) }
            return Response(
                status: .ok, headers: headers,
                body: ResponseBody { writer in
                    try await writer.write(contentsOf: buffers)
                    try await writer.finish(nil)
                })
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                var pieces = 0
                var gate = step.gate
                for frame in frames {
                    if frame.isContent, pieces == step.cutAfter { throw Cut() }
                    // The frames behind the last piece wait too, as the end of the reply would.
                    if let closed = gate, pieces == step.gateAfter, frame.isContent || pieces > 0 {
                        try await wait(for: closed, index, request)
                        gate = nil
                    }
                    if frame.isContent { pieces += 1 }
                    try await writer.write(ByteBuffer(string: frame.text))
                }
                if step.cutAfter != nil { throw Cut() }
                try await writer.finish(nil)
            })
    }

    /// Waits, and takes note when the client leaves meanwhile.
    private func wait(for gate: FakeGate, _ index: Int, _ request: Request) async throws {
        do {
            try await request.body.consumeWithCancellationOnInboundClose { _ in try await gate.wait() }
        } catch {
            state.clientLeft(index)
            throw error
        }
    }

    private func json(_ status: Int, _ value: JSONValue) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: value.encoded)))
    }
}
