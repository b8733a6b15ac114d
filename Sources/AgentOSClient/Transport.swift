import AgentOSCore
import AsyncHTTPClient
import NIOCore

/// How long calls may take, as the official client does it.
enum Timeouts {
    static let connect = TimeAmount.seconds(10)
    static let ordinary = TimeAmount.seconds(30)
    static let longRunning = TimeAmount.seconds(310)
}

/// What a successful call brought.
struct Answer: Sendable {
    var data: JSONValue
    var nextCursor: String?
}

/// A header of one request beside those that all have.
struct Header: Sendable {
    let name: String
    let value: String

    /// - Throws: `ConnectionError` when the key cannot be sent in a header.
    static func idempotencyKey(_ key: String?) throws -> [Header] {
        guard let key else { return [] }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw ConnectionError(
                .configuration, "An idempotency key must be 1 to 255 printable ASCII characters without blanks.")
        }
        return [Header(name: "idempotency-key", value: key)]
    }
}

/// Requests out, envelopes in. The one place that knows the HTTP client.
struct Transport: Sendable {
    let baseURL: String
    let apiKey: String

    /// Never shut down, as with `HTTPClient.shared`, which is not used because it follows redirects.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: Timeouts.connect, read: Timeouts.longRunning))
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// No answer of the server comes near this; it bounds what a wrong peer can make us hold.
    private static let largestAnswer = 512 << 20

    func request(
        _ path: String, body: [UInt8]?, accept: String = "application/json", headers: [Header] = []
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: baseURL + path)
        request.headers.add(name: "authorization", value: "Bearer \(apiKey)")
        request.headers.add(name: "accept", value: accept)
        request.headers.add(name: "user-agent", value: "agentos-swift/1")
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        if let body {
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(body)
        }
        return request
    }

    /// Sends, and hands the answer back when its head is there and says that the call succeeded.
    /// - Throws: `AgentOSError`, `ConnectionError`, `CancellationError`
    func open(_ request: HTTPClientRequest, timeout: TimeAmount) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await Self.http.execute(request, timeout: timeout)
        } catch {
            throw translated(error)
        }
        let status = Int(response.status.code)
        if (200..<300).contains(status) { return response }
        throw refusal(
            status: status, body: try await bytes(of: response),
            retryAfter: response.headers.first(name: "retry-after"))
    }

    func bytes(of response: HTTPClientResponse) async throws -> [UInt8] {
        do {
            return Array(try await response.body.collect(upTo: Self.largestAnswer).readableBytesView)
        } catch {
            throw translated(error)
        }
    }

    /// One call with an envelope as its answer.
    func call(
        _ path: String, body: JSONValue, timeout: TimeAmount, headers: [Header] = []
    ) async throws -> Answer {
        try await call(path, body: body.encoded, timeout: timeout, headers: headers)
    }

    func call(_ path: String, body: [UInt8], timeout: TimeAmount, headers: [Header] = []) async throws -> Answer {
        let response = try await open(request(path, body: body, headers: headers), timeout: timeout)
        let answer = try await bytes(of: response)
        guard let envelope = try? JSONParser.parse(answer, depth: JSONParser.documentDepth),
            let data = envelope["data"]
        else {
            throw ConnectionError(
                .unexpectedAnswer, "What answered at \(baseURL) is not an AgentOS server.",
                status: Int(response.status.code))
        }
        return Answer(data: data, nextCursor: response.headers.first(name: "x-next-cursor"))
    }

    /// Cancellation stays what it is; everything else becomes a `ConnectionError`.
    func translated(_ error: any Error) -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        return ConnectionError(error, baseURL: baseURL)
    }

    /// The error that a failing status and its body stand for.
    func refusal(status: Int, body: [UInt8], retryAfter: String?) -> any Error {
        if (300..<400).contains(status) {
            return ConnectionError(
                .unexpectedAnswer,
                "\(baseURL) answered with a redirect (\(status)), which is never followed;"
                    + " check the base URL.", status: status)
        }
        guard let envelope = try? JSONParser.parse(body), let fault = envelope["error"], !fault.isNull else {
            guard let code = ErrorCode(status: status) else {
                return ConnectionError(
                    .unexpectedAnswer, "\(baseURL) answered with status \(status) and no reason.", status: status)
            }
            return AgentOSError(
                code, "The server answered with status \(status) and no reason.",
                retryAfter: retryAfter.flatMap(Self.seconds))
        }
        var error = AgentOSError(wire: fault, status: status)
        error.retryAfter = retryAfter.flatMap(Self.seconds)
        return error
    }

    /// Whole seconds of a `retry-after`; nil for what is no such number, as a date.
    private static func seconds(_ text: String) -> Int? {
        Double(text).flatMap { Int(exactly: $0.rounded(.up)) }
    }

    static func percentEncoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: out.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out.append(contentsOf: ("%" + (digits.utf8.count < 2 ? "0" : "") + digits).utf8)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

extension ErrorCode {
    /// The code for an answer that came without an envelope.
    init?(status: Int) {
        guard let code = ErrorCode.allCases.first(where: { $0.status == status }) else {
            if (500..<600).contains(status) {
                self = .internal
                return
            }
            return nil
        }
        self = code
    }
}

extension AgentOSError {
    /// Reads the `error` of an envelope, or an `error` frame.
    init(wire fault: JSONValue, status: Int?) {
        let word = fault["code"]?.stringValue ?? ""
        var code = ErrorCode(rawValue: word) ?? status.flatMap(ErrorCode.init(status:)) ?? .internal
        if code == .internal, status == ErrorCode.unavailable.status { code = .unavailable }
        let details = (fault["details"]?.arrayValue ?? []).compactMap { item -> FieldError? in
            guard let path = item["path"]?.stringValue, let message = item["message"]?.stringValue else { return nil }
            return FieldError(path: path, message: message)
        }
        self.init(
            code, fault["message"]?.stringValue ?? "The server gave no reason.", details: details,
            runID: fault["run_id"]?.stringValue.flatMap { RunID($0) })
    }
}
