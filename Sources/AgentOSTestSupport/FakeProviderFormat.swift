import AgentOSCore

/// The wire formats of the providers, written by hand so that a mistake of ours is not made twice.
enum FakeFormat {
    struct Frame: Sendable {
        let text: String
        /// Whether this frame carries a piece of the reply.
        var isContent = false
    }

    static func plain(_ request: FakeRequest, _ step: FakeStep) -> JSONValue {
        request.dialect == .anthropic
            ? anthropicMessage(request, step, blocks: blocks(step)) : openAICompletion(request, step)
    }

    static func stream(_ request: FakeRequest, _ step: FakeStep) -> [Frame] {
        request.dialect == .anthropic ? anthropicStream(request, step) : openAIStream(request, step)
    }

    static func error(_ dialect: FakeRequest.Dialect, status: Int, message: String) -> JSONValue {
        let kind =
            switch status {
            case 400: "invalid_request_error"
            case 401: "authentication_error"
            case 403: "permission_error"
            case 404: "not_found_error"
            case 429: "rate_limit_error"
            case 529: "overloaded_error"
            default: "api_error"
            }
        let error: JSONValue = ["type": .string(kind), "message": .string(message)]
        return dialect == .anthropic ? ["type": "error", "error": error] : ["error": error]
    }

    private static func parts(_ step: FakeStep) -> (texts: [String], calls: [FakeStep.FakeCall]) {
        switch step.content {
        case .text(let chunks): (chunks, [])
        case .tools(let calls, let text): (text.isEmpty ? [] : [text], calls)
        case .json, .error, .raw: ([], [])
        }
    }

    private static func halves(_ text: String) -> [String] {
        let middle = text.index(text.startIndex, offsetBy: text.count / 2)
        return [String(text[..<middle]), String(text[middle...])]
    }

    // MARK: - Anthropic

    private static func blocks(_ step: FakeStep) -> [JSONValue] {
        let (texts, calls) = parts(step)
        let text = texts.joined()
        let words: [JSONValue] = text.isEmpty ? [] : [["type": "text", "text": .string(text)]]
        return words
            + calls.enumerated().map { position, call in
                [
                    "type": "tool_use", "id": .string(call.id ?? "toolu_\(position)_\(call.name)"),
                    "name": .string(call.name),
                    "input": (try? JSONParser.parse(call.arguments)) ?? .string(call.arguments),
                ]
            }
    }

    private static func anthropicMessage(_ request: FakeRequest, _ step: FakeStep, blocks: [JSONValue]) -> JSONValue {
        [
            "id": "msg_1", "type": "message", "role": "assistant", "model": .string(request.model),
            "content": .array(blocks), "stop_reason": parts(step).calls.isEmpty ? "end_turn" : "tool_use",
            "stop_sequence": .null,
            "usage": [
                "input_tokens": .int(step.usage.input), "output_tokens": .int(step.usage.output),
                "cache_read_input_tokens": .int(step.usage.cacheRead),
                "cache_creation_input_tokens": .int(step.usage.cacheCreation),
            ],
        ]
    }

    private static func anthropicStream(_ request: FakeRequest, _ step: FakeStep) -> [Frame] {
        func frame(_ value: JSONValue, isContent: Bool = false) -> Frame {
            Frame(text: "event: \(value["type"]?.stringValue ?? "")\ndata: \(value.text)\n\n", isContent: isContent)
        }
        var begun = step.usage
        begun.output = 1
        let start = anthropicMessage(request, FakeStep.text(chunks: []).usage(begun), blocks: [])
        var frames = [frame(["type": "message_start", "message": start]), frame(["type": "ping"])]
        let (texts, calls) = parts(step)
        var index = 0
        func block(_ start: JSONValue, _ deltas: [JSONValue]) {
            frames.append(frame(["type": "content_block_start", "index": .int(index), "content_block": start]))
            for delta in deltas {
                frames.append(
                    frame(["type": "content_block_delta", "index": .int(index), "delta": delta], isContent: true))
            }
            frames.append(frame(["type": "content_block_stop", "index": .int(index)]))
            index += 1
        }
        if !texts.isEmpty {
            block(["type": "text", "text": ""], texts.map { ["type": "text_delta", "text": .string($0)] })
        }
        for (position, call) in calls.enumerated() {
            block(
                [
                    "type": "tool_use", "id": .string(call.id ?? "toolu_\(position)_\(call.name)"),
                    "name": .string(call.name), "input": [:],
                ],
                ([""] + halves(call.arguments)).map { ["type": "input_json_delta", "partial_json": .string($0)] })
        }
        let reason: JSONValue = calls.isEmpty ? "end_turn" : "tool_use"
        frames.append(
            frame([
                "type": "message_delta", "delta": ["stop_reason": reason, "stop_sequence": .null],
                "usage": ["output_tokens": .int(step.usage.output)],
            ]))
        return frames + [frame(["type": "message_stop"])]
    }

    // MARK: - OpenAI

    private static func openAIUsage(_ step: FakeStep) -> JSONValue {
        let prompt = step.usage.input + step.usage.cacheRead
        return [
            "prompt_tokens": .int(prompt), "completion_tokens": .int(step.usage.output),
            "total_tokens": .int(prompt + step.usage.output),
            "prompt_tokens_details": ["cached_tokens": .int(step.usage.cacheRead), "audio_tokens": 0],
        ]
    }

    private static func openAICalls(_ step: FakeStep) -> [JSONValue] {
        parts(step).calls.enumerated().map { position, call in
            [
                "id": .string(call.id ?? "call_\(position)_\(call.name)"), "type": "function",
                "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
            ]
        }
    }

    private static func openAICompletion(_ request: FakeRequest, _ step: FakeStep) -> JSONValue {
        let text = parts(step).texts.joined()
        let calls = openAICalls(step)
        var message: JSONObject = [
            "role": "assistant", "content": text.isEmpty ? .null : .string(text), "refusal": .null,
        ]
        if !calls.isEmpty { message["tool_calls"] = .array(calls) }
        return [
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": .string(request.model),
            "choices": [
                [
                    "index": 0, "message": .object(message), "logprobs": .null,
                    "finish_reason": calls.isEmpty ? "stop" : "tool_calls",
                ]
            ],
            "usage": openAIUsage(step),
        ]
    }

    private static func openAIStream(_ request: FakeRequest, _ step: FakeStep) -> [Frame] {
        let wantsUsage = request.body["stream_options"]?["include_usage"]?.boolValue ?? false
        func chunk(_ choices: [JSONValue], usage: JSONValue) -> String {
            var value: JSONObject = [
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": .string(request.model),
                "choices": .array(choices),
            ]
            if wantsUsage { value["usage"] = usage }
            return "data: \(JSONValue.object(value).text)\n\n"
        }
        func frame(_ delta: JSONValue, isContent: Bool = false, finish: JSONValue = .null) -> Frame {
            let choice: JSONValue = ["index": 0, "delta": delta, "logprobs": .null, "finish_reason": finish]
            return Frame(text: chunk([choice], usage: .null), isContent: isContent)
        }
        var frames = [frame(["role": "assistant", "content": ""])]
        let (texts, calls) = parts(step)
        frames += texts.map { frame(["content": .string($0)], isContent: true) }
        for (index, call) in calls.enumerated() {
            let start: JSONValue = [
                "index": .int(index), "id": .string(call.id ?? "call_\(index)_\(call.name)"), "type": "function",
                "function": ["name": .string(call.name), "arguments": ""],
            ]
            frames.append(frame(["tool_calls": [start]], isContent: true))
            for part in halves(call.arguments) {
                let piece: JSONValue = ["index": .int(index), "function": ["arguments": .string(part)]]
                frames.append(frame(["tool_calls": [piece]], isContent: true))
            }
        }
        frames.append(frame([:], finish: calls.isEmpty ? "stop" : "tool_calls"))
        if wantsUsage { frames.append(Frame(text: chunk([], usage: openAIUsage(step)))) }
        return frames + [Frame(text: "data: [DONE]\n\n")]
    }
}
