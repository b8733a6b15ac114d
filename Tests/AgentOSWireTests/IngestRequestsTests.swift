import AgentOSCore
import AgentOSWire
import Testing

@Suite struct IngestRequestsTests {
    private static let run = #""run_id":"\#(runText)""#
    private static let agent = #""agent_id":"\#(runText)""#

    @Test(
        "run/start refuses by the field's name",
        arguments: [
            ("{}", "agent_id"), (#"{"agent_id":"x"}"#, "agent_id"), (#"{"agent_id":null}"#, "agent_id"),
            (#"{\#(agent),"trigger_type":"agent"}"#, "trigger_type"),
            (#"{\#(agent),"trigger_type":"cron"}"#, "trigger_type"), (#"{\#(agent),"input":[]}"#, "input"),
            (#"{\#(agent),"input":null}"#, "input"), (#"{\#(agent),"input":NaN}"#, "input"),
            (#"{\#(agent),"input":{"a":\#(nested(512))}}"#, "input"),
            (#"{\#(agent),"external_run_id":""}"#, "external_run_id"),
            (#"{\#(agent),"external_run_id":null}"#, "external_run_id"),
            (#"{\#(agent),"external_run_id":"\#(String(repeating: "x", count: 256))"}"#, "external_run_id"),
            (#"{\#(agent),"parent_run_id":"nope"}"#, "parent_run_id"), (#"{\#(agent),\#(agent)}"#, "agent_id"),
        ])
    func startRefused(body: String, path: String) throws {
        #expect(try refusedPath { _ = try RunStartRequest(checked(body)) } == path)
    }

    @Test("run/start fills in its defaults and keeps the input as it was sent")
    func start() throws {
        let plain = try RunStartRequest(checked("{\(Self.agent)}"))
        #expect(plain.triggerType == .sdk && plain.externalRunID == nil && plain.input == Array("{}".utf8))
        let full = try RunStartRequest(
            checked(
                #"{\#(Self.agent),"trigger_type":"webhook","input":{ "b":1.10,"a":NaN },"external_run_id":"😀","parent_run_id":"\#(runText)","new":1}"#
            ))
        #expect(full.triggerType == .webhook && full.externalRunID == "😀" && full.parentRunID != nil)
        #expect(String(decoding: full.input, as: UTF8.self) == #"{ "b":1.10,"a":null }"#)
    }

    @Test(
        "run/complete takes any output but null and counts that are counts",
        arguments: [
            (#"{\#(run),"output":null}"#, "output"), (#"{\#(run),"input_tokens":-1}"#, "input_tokens"),
            (#"{\#(run),"output_tokens":1.5}"#, "output_tokens"),
            (#"{\#(run),"cache_read_tokens":"1"}"#, "cache_read_tokens"),
            (#"{\#(run),"cache_creation_tokens":null}"#, "cache_creation_tokens"), ("{}", "run_id"),
            (#"{\#(run),"input_tokens":NaN}"#, "input_tokens"), (#"{\#(run),"output":\#(nested(513))}"#, "output"),
        ])
    func completeRefused(body: String, path: String) throws {
        #expect(try refusedPath { _ = try RunEndRequest.complete(checked(body)) } == path)
    }

    @Test(
        "an output of any type is taken as it was sent, with null for what is not finite",
        arguments: ["{}", "[1, 2]", "\"x\"", "false", "1.10", "[NaN]", "NaN", "-Infinity", nested(512)])
    func complete(output: String) throws {
        let request = try RunEndRequest.complete(checked(#"{\#(Self.run),"output":\#(output),"output_tokens":3e2}"#))
        guard case .complete(let stored, let usage) = request.ending else {
            Issue.record("another ending")
            return
        }
        let json = output.replacing("NaN", with: "null").replacing("-Infinity", with: "null")
        #expect(stored.map { String(decoding: $0, as: UTF8.self) } == json)
        #expect(usage == GivenUsage(output: 300))
    }

    @Test("an error message has 1 to 4,000 code points; only old clients have longer ones cut")
    func fail() throws {
        func request(_ count: Int, cuts: Bool = false) throws -> Int {
            let request = try RunEndRequest.fail(
                checked(#"{\#(Self.run),"error_message":"\#(String(repeating: "😀", count: count))"}"#),
                cutsLongMessages: cuts)
            guard case .fail(let message, _) = request.ending else { return -1 }
            return message.unicodeScalars.count
        }
        #expect(try request(4000) == 4000)
        #expect(try refusedPath { _ = try request(4001) } == "error_message")
        #expect(try refusedPath { _ = try request(0) } == "error_message")
        #expect(try request(5000, cuts: true) == 4000)
        #expect(
            try refusedPath {
                _ = try RunEndRequest.fail(
                    checked(#"{\#(Self.run),"error_message":"x","error_detail":[]}"#), cutsLongMessages: false)
            } == "error_detail")
    }

    @Test("a reason may be left out or empty, not null or long")
    func cancel() throws {
        #expect(throws: Never.self) { try RunEndRequest.cancel(checked("{\(Self.run)}")) }
        #expect(throws: Never.self) { try RunEndRequest.cancel(checked(#"{\#(Self.run),"reason":""}"#)) }
        #expect(try refusedPath { _ = try RunEndRequest.cancel(checked(#"{\#(Self.run),"reason":null}"#)) } == "reason")
        let long = String(repeating: "x", count: 1001)
        #expect(
            try refusedPath { _ = try RunEndRequest.cancel(checked(#"{\#(Self.run),"reason":"\#(long)"}"#)) }
                == "reason")
    }

    @Test(
        "a task is refused by its field's path",
        arguments: [
            ("{}", "task"), ("[]", "task"), ("null", "task"), (#"{"name":"n","status":"running"}"#, "task.id"),
            (#"{"id":"x","name":"n","status":"running"}"#, "task.id"),
            (#"{"id":"R","status":"running"}"#, "task.name"),
            (#"{"id":"R","name":"","status":"running"}"#, "task.name"), (#"{"id":"R","name":"n"}"#, "task.status"),
            (#"{"id":"R","name":"n","status":"done"}"#, "task.status"),
            (#"{"id":"R","name":"n","status":"running","input":null}"#, "task.input"),
            (#"{"id":"R","name":"n","status":"running","output":null}"#, "task.output"),
            (#"{"id":"R","name":"n","status":"running","error_message":1}"#, "task.error_message"),
            (#"{"id":"R","name":"n","status":"running","input":\#(nested(513))}"#, "task.input"),
            (#"{"id":"R","name":"n","status":"running","status":"failed"}"#, "task.status"),
        ])
    func taskRefused(task: String, path: String) throws {
        let body = #"{\#(Self.run),"task":\#(task.replacing("\"R\"", with: "\"\(runText)\""))}"#
        let found = try refusedPath { _ = try TaskRequest(checked(body)) }
        #expect(found == path || (task == "{}" && found == "task.id"))
    }

    @Test("a task's values may be 512 levels deep, and not finite")
    func taskValues() throws {
        let body =
            #"{\#(Self.run),"task":{"id":"\#(runText)","name":"n","status":"running","input":\#(nested(512)),"#
            + #""output":Infinity}}"#
        let request = try TaskRequest(checked(body))
        #expect(request.input == Array(nested(512).utf8) && request.output == Array("null".utf8))
    }

    @Test("a task's long error message is cut")
    func task() throws {
        let body =
            #"{\#(Self.run),"task":{"id":"\#(runText)","name":"n","status":"failed","error_message":"\#(String(repeating: "é", count: 4001))"}}"#
        #expect(try TaskRequest(checked(body)).errorMessage?.unicodeScalars.count == 4000)
    }

    @Test(
        "a question is refused by its field's name",
        arguments: [
            (#"{\#(run)}"#, "prompt"), (#"{\#(run),"prompt":""}"#, "prompt"),
            (#"{\#(run),"prompt":"p","timeout_seconds":0}"#, "timeout_seconds"),
            (#"{\#(run),"prompt":"p","timeout_seconds":604801}"#, "timeout_seconds"),
            (#"{\#(run),"prompt":"p","context":[]}"#, "context"),
            (#"{\#(run),"prompt":"p","request_id":"x"}"#, "request_id"),
            (#"{\#(run),"prompt":"\#(String(repeating: "x", count: 10_001))"}"#, "prompt"),
        ])
    func questionRefused(body: String, path: String) throws {
        #expect(try refusedPath { _ = try HumanInputRequest(checked(body)) } == path)
    }

    @Test("a question waits an hour unless told otherwise")
    func question() throws {
        #expect(try HumanInputRequest(checked(#"{\#(Self.run),"prompt":"p"}"#)).timeoutSeconds == 3600)
        #expect(
            try HumanInputRequest(checked(#"{\#(Self.run),"prompt":"p","timeout_seconds":1.0}"#)).timeoutSeconds == 1)
    }

    @Test("an answer must not be empty, and names its question only where it has to")
    func answer() throws {
        #expect(try AnswerRequest(checked(#"{"response":"yes"}"#), namesRequest: false).requestID == nil)
        #expect(
            try refusedPath { _ = try AnswerRequest(checked(#"{"response":"yes"}"#), namesRequest: true) }
                == "request_id")
        #expect(
            try refusedPath { _ = try AnswerRequest(checked(#"{"response":""}"#), namesRequest: false) } == "response")
        #expect(try refusedPath { _ = try AnswerRequest(checked("{}"), namesRequest: false) } == "response")
    }
}
