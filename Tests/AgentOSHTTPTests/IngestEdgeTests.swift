import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

extension TestServer {
    /// A reported run.
    fileprivate func started(_ members: JSONObject = JSONObject()) async throws -> RawAnswer {
        var body = members
        body["agent_id"] = .string("\(reported.id)")
        return try await send("/api/ingest/v1/run/start", key: reportedKey, .object(body))
    }

    fileprivate func run(_ members: JSONObject = JSONObject()) async throws -> String {
        try #require(try await started(members).data["run_id"]?.stringValue)
    }

    fileprivate func report(_ call: String, _ run: String, _ members: JSONObject = JSONObject()) async throws
        -> RawAnswer
    {
        var body = members
        body["run_id"] = .string(run)
        return try await send("/api/ingest/v1/\(call)", key: reportedKey, .object(body))
    }

    /// A report whose members are given as they are sent.
    fileprivate func report(_ call: String, _ run: String, raw members: String) async throws -> RawAnswer {
        let body = #"{"run_id":"\#(run)",\#(members)}"#
        return try await send("POST", "/api/ingest/v1/\(call)", key: reportedKey, body: Array(body.utf8))
    }

    fileprivate func shown(_ run: String) async throws -> JSONValue {
        try await send("/api/v1/rpc/runs_get", key: workspaceKey, ["run_id": .string(run)]).data
    }

    fileprivate func set(_ status: AgentStatus) async throws {
        let answer = try await send(
            "/api/v1/rpc/agents_set_status", key: workspaceKey,
            ["agent_id": .string("\(reported.id)"), "status": .string(status.rawValue)])
        #expect(answer.status == 200)
    }
}

extension RawAnswer {
    fileprivate var path: String? { json["error"]?["details"]?.arrayValue?.first?["path"]?.stringValue }
}

private func nested(_ levels: Int) -> String {
    String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
}

@Suite("Reports, over a socket")
struct IngestEdgeTests {
    private struct Ending {
        let call: String
        let members: JSONObject
        let status: JSONValue
    }

    private let endings = [
        Ending(call: "run/complete", members: ["output": ["n": 1]], status: "completed"),
        Ending(call: "run/fail", members: ["error_message": "broken"], status: "failed"),
        Ending(call: "run/cancel", members: ["reason": "enough"], status: "cancelled"),
    ]

    private let question: JSONObject = ["prompt": "Go on?", "timeout_seconds": 600]

    private func task(_ status: String) -> JSONObject {
        [
            "task": [
                "id": .string("\(TaskID.new(at: Timestamp(microseconds: 0)))"), "name": "t", "status": .string(status),
            ]
        ]
    }

    @Test(
        "what a run takes before and after its end is the same in every state of its agent",
        arguments: AgentStatus.allCases)
    func states(agent: AgentStatus) async throws {
        try await withServer {
            $0.pollSeconds = 0.01
        } _: { server in
            for ending in endings {
                let name: JSONObject = ["external_run_id": ending.status, "input": ["first": true]]
                let run = try await server.run(name)
                try await server.set(agent)

                // Running: everything is taken.
                #expect(try await server.report("events", run, ["events": [["type": "early"]]]).data["accepted"] == 1)
                #expect(try await server.report("tasks", run, task("running")).status == 200)
                let asked = try await server.report("human-input/request", run, question)
                #expect(asked.status == 202)
                #expect(try await server.started(name).data["run_id"] == .string(run))
                let first = try await server.report(ending.call, run, ending.members)
                #expect(first.status == 200 && first.data["status"] == ending.status)
                let before = try await server.shown(run)

                // Ended: the same end again changes nothing, another is refused.
                var other = ending.members
                let value: JSONValue = ending.call == "run/complete" ? ["n": 2] : "another"
                for key in other.keys { other[key] = value }
                #expect(try await server.report(ending.call, run, other).status == 200)
                for another in endings where another.call != ending.call {
                    let refused = try await server.report(another.call, run, another.members)
                    #expect(refused.status == 409 && refused.errorCode == "CONFLICT")
                }
                // Events and tasks may be late, questions not.
                #expect(try await server.report("events", run, ["events": [["type": "late"]]]).data["accepted"] == 1)
                #expect(try await server.report("tasks", run, task("completed")).status == 200)
                #expect(try await server.report("human-input/request", run, question).errorCode == "CONFLICT")
                var poll = question
                poll["request_id"] = asked.data["request_id"]
                #expect(try await server.report("human-input/request", run, poll).errorCode == "CONFLICT")

                let after = try await server.shown(run)
                for member in ["status", "output", "error_message", "cancel_reason", "completed_at", "input"] {
                    #expect(after[member] == before[member], "\(member)")
                }
                #expect(after["event_count"] == 2 && after["tasks"]?.arrayValue?.count == 2)
                try await server.set(.active)
            }
        }
    }

    @Test("a repeated start is answered with its run, whatever it asks for now and whatever its agent's state is")
    func repeatedStart() async throws {
        try await withServer { server in
            let name: JSONObject = ["external_run_id": "job-1"]
            let run = try await server.run(name)
            #expect(try await server.report("run/complete", run).status == 200)
            var again = name
            again["parent_run_id"] = .string("\(RunID.new(at: Timestamp(microseconds: 0)))")
            again["input"] = ["other": 1]
            #expect(try await server.started(again).data["run_id"] == .string(run))
            try await server.set(.archived)
            #expect(try await server.started(again).data["run_id"] == .string(run))
            #expect(try await server.store.count("runs") == 1)
            // A new run of an archived agent is refused.
            #expect(try await server.started(["external_run_id": "job-2"]).errorCode == "VALIDATION_ERROR")
            try await server.set(.active)
            again["external_run_id"] = "job-2"
            #expect(try await server.started(again).errorCode == "NOT_FOUND")
            #expect(try await server.store.count("runs") == 1)
        }
    }

    @Test("a bare word as a whole value is stored as null", arguments: ["NaN", "Infinity", "-Infinity"])
    func bareWords(word: String) async throws {
        try await withServer { server in
            let run = try await server.run()
            let task = #""task":{"id":"\#(TaskID.new(at: Timestamp(microseconds: 0)))","name":"t","status":"running","#
            #expect(try await server.report("tasks", run, raw: task + #""input":\#(word)}"#).status == 200)
            #expect(try await server.report("run/complete", run, raw: #""output":\#(word)"#).status == 200)
            let shown = try await server.shown(run)
            #expect(shown["status"] == "completed" && shown["output"] == .null)
            #expect(shown["tasks"]?.arrayValue?.first?["input"] == .null)
        }
    }

    @Test("values are stored to 512 levels and refused beyond them, the envelope not counted")
    func depth() async throws {
        try await withServer { server in
            let run = try await server.run()
            func event(_ levels: Int) -> String {
                #""events":[{"type":"deep","payload":{"a":\#(nested(levels - 1))}}]"#
            }
            func task(_ levels: Int) -> String {
                #""task":{"id":"\#(TaskID.new(at: Timestamp(microseconds: 0)))","name":"t","status":"running","#
                    + #""input":\#(nested(levels))}"#
            }
            #expect(try await server.report("events", run, raw: event(513)).errorCode == "VALIDATION_ERROR")
            #expect(try await server.report("events", run, raw: event(512)).status == 200)
            #expect(try await server.report("tasks", run, raw: task(513)).path == "task.input")
            #expect(try await server.report("tasks", run, raw: task(512)).status == 200)
            let complete = "run/complete"
            #expect(try await server.report(complete, run, raw: #""output":\#(nested(513))"#).path == "output")
            #expect(try await server.report(complete, run, raw: #""output":\#(nested(512))"#).status == 200)

            let shown = try await server.shown(run)
            #expect(shown["output"]?.text == nested(512))
            #expect(shown["tasks"]?.arrayValue?.first?["input"]?.text == nested(512))
            let events = try await server.send(
                "/api/v1/rpc/runs_get_events", key: server.workspaceKey, ["run_id": .string(run)])
            #expect(events.data.arrayValue?.map { $0["payload"]?.text } == [#"{"a":\#(nested(511))}"#])
        }
    }

    @Test("a hosted run takes an input of 512 levels and can be read afterwards")
    func deepInput() async throws {
        try await withServer { server in
            let path = "/api/v1/agents/\(server.hosted.id)/invoke"
            func invoke(_ levels: Int) async throws -> RawAnswer {
                let body = #"{"input":{"a":\#(nested(levels - 1))}}"#
                return try await server.send("POST", path, key: server.hostedKey, body: Array(body.utf8))
            }
            #expect(try await invoke(513).path == "input")
            let answer = try await invoke(512)
            #expect(answer.status == 200)
            let run = try #require(answer.data["run_id"]?.stringValue)
            #expect(try await server.shown(run)["input"]?.text == #"{"a":\#(nested(511))}"#)
            let stream = try await server.send("GET", "/api/v1/runs/\(run)/stream", key: server.workspaceKey)
            #expect(stream.frames.last?["type"] == "done")
        }
    }

    @Test("a poll ends at once when its agent or its workspace is deleted", arguments: [true, false])
    func deleted(wholeWorkspace: Bool) async throws {
        try await withServer { server in
            let run = try await server.run()
            async let poll = server.report("human-input/request", run, question)
            try await eventually("the poll") { server.store.humanInput.bell.count == 1 }
            let deletion =
                wholeWorkspace
                ? try await server.send("/api/v1/rpc/workspaces_delete", key: server.userKey, ["confirm": "main"])
                : try await server.send(
                    "/api/v1/rpc/agents_delete", key: server.workspaceKey,
                    ["agent_id": .string("\(server.reported.id)")])
            #expect(deletion.status == 200)
            let answer = try await poll
            #expect(answer.status == 409 && answer.errorCode == "CONFLICT")
        }
    }

    @Test("a poll whose question was removed while it waited is told so")
    func removed() async throws {
        try await withServer { server in
            let run = try await server.run()
            async let poll = server.report("human-input/request", run, question)
            try await eventually("the poll") { server.store.humanInput.bell.count == 1 }
            let id = try #require(server.store.humanInput.bell.keys.first)
            _ = try await server.store.committer.write { try $0.run("DELETE FROM human_requests", []) }
            server.store.humanInput.bell.ring(id)
            let answer = try await poll
            #expect(answer.status == 409 && answer.errorCode == "CONFLICT")
        }
    }
}
