import AgentOSCore
import AgentOSWire
import Testing

@Suite struct InvokeTests {
    private static let session = #""session_id":"\#(runText)""#

    @Test(
        "a call is refused by the field's name",
        arguments: [
            (#"{"input":[]}"#, "input"), (#"{"input":null}"#, "input"),
            (#"{"prompt_variables":[]}"#, "prompt_variables"),
            (#"{"prompt_variables":{"A":"x","B":1}}"#, "prompt_variables.B"), (#"{"session_id":"x"}"#, "session_id"),
            (#"{"start_session":1}"#, "start_session"),
            (#"{"history":{}}"#, "history"), (#"{"history":["x"]}"#, "history[0]"),
            (#"{"history":[{"role":"user","content":"x"},{"role":"system","content":"x"}]}"#, "history[1].role"),
            (#"{"history":[{"role":"user"}]}"#, "history[0].content"),
            (#"{"history":[{"role":"user","content":[]}]}"#, "history[0].content"),
            (#"{"parent_run_id":7}"#, "parent_run_id"), (#"{"stream":"yes"}"#, "stream"), (#"{"test":null}"#, "test"),
            (#"{"stream":true,"stream":true}"#, "stream"),
            (#"{\#(session),"start_session":true}"#, "session_id"), (#"{\#(session),"history":[]}"#, "history"),
            (#"{"start_session":true,"history":[]}"#, "history"),
            (#"{"external_user_id":"u"}"#, "external_user_id"),
            (#"{"external_user_id":"u","history":[]}"#, "external_user_id"),
            (#"{"external_user_id":"","start_session":true}"#, "external_user_id"),
        ])
    func refused(body: String, path: String) throws {
        #expect(try refusedPath { _ = try InvokeRequest(checked(body)) } == path)
    }

    @Test("nothing is needed, and an explicit false is the same as nothing")
    func defaults() throws {
        for body in ["{}", #"{"stream":false,"start_session":false,"test":false}"#] {
            let request = try InvokeRequest(checked(body))
            #expect(request.memory == .none && !request.stream && !request.test && request.input == Array("{}".utf8))
        }
        #expect(
            try InvokeRequest(checked(#"{\#(Self.session),"start_session":false,"external_user_id":"u"}"#))
                .externalUserID == "u")
    }

    @Test("an empty history is a history")
    func history() throws {
        #expect(try InvokeRequest(checked(#"{"history":[]}"#)).memory == .history([]))
        let body = #"{"history":[{"role":"user","content":"a"},{"role":"assistant","content":"b","extra":1}]}"#
        #expect(
            try InvokeRequest(checked(body)).memory == .history([.user("a"), .assistant(text: "b", toolCalls: [])]))
    }

    @Test(
        "the model reads the one string of an input, or the whole as JSON",
        arguments: [
            (#"{"message":"hi"}"#, "hi"), (#"{"n":1}"#, "{\n  \"n\": 1\n}"), ("{}", "{}"),
            (#"{"a":"x","b":"y"}"#, "{\n  \"a\": \"x\",\n  \"b\": \"y\"\n}"),
        ])
    func prompt(input: String, text: String) throws {
        #expect(InvokeRequest.prompt(of: try checked(input).object()) == text)
    }

    private static let run = RunID(UUIDBits(high: 0, low: 10))
    private static let runJSON = "00000000-0000-0000-0000-00000000000a"

    @Test(
        "frames are one line of ASCII each",
        arguments: [
            (InvokeFrame.start(run), #"{"type":"start","run_id":"\#(runJSON)"}"#),
            (.chunk("a\n\u{85}\u{2028}😀"), #"{"type":"chunk","text":"a\n\u0085\u2028\ud83d\ude00"}"#),
            (.tool(.calling, name: "t"), #"{"type":"tool","status":"calling","name":"t"}"#),
            (.tool(.failed, name: "ü"), #"{"type":"tool","status":"failed","name":"\u00fc"}"#),
            (
                .done(
                    run, output: Array("{\"a\": \"\u{2029}\"}".utf8), durationMilliseconds: 12,
                    session: ConversationID(run.bits)),
                #"{"type":"done","run_id":"\#(runJSON)","output":{"a":"\u2029"},"duration_ms":12,"session_id":"\#(runJSON)"}"#
            ),
            (
                .done(run, output: Array("{}".utf8), durationMilliseconds: 0, session: nil),
                #"{"type":"done","run_id":"\#(runJSON)","output":{},"duration_ms":0}"#
            ),
            (
                .error(AgentOSError(.provider, "no", runID: run).frame),
                #"{"type":"error","code":"PROVIDER_ERROR","message":"no","run_id":"\#(runJSON)"}"#
            ),
            (
                .error(AgentOSError.shuttingDown.frame),
                #"{"type":"error","code":"INTERNAL_ERROR","message":"The server is shutting down; try again in a moment."}"#
            ),
        ])
    func frames(frame: InvokeFrame, json: String) {
        #expect(String(decoding: frame.encoded(), as: UTF8.self) == "data: \(json)\n\n")
    }

    @Test("only the end and an error are last frames")
    func terminal() {
        #expect(InvokeFrame.done(Self.run, output: [], durationMilliseconds: 0, session: nil).isTerminal)
        #expect(InvokeFrame.error(AgentOSError.shuttingDown.frame).isTerminal)
        #expect(![InvokeFrame.start(Self.run), .chunk("x"), .tool(.returned, name: "t")].contains { $0.isTerminal })
    }
}
