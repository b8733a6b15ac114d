import AgentOSCore

/// The envelope of every answer: `{"data": …, "error": null}` or the other way round.
public enum Envelope {
    public static func data(_ write: (inout JSONWriter) -> Void, capacity: Int = 256) -> [UInt8] {
        var out = JSONWriter(capacity: capacity)
        out.raw("{\"data\":")
        write(&out)
        out.raw(",\"error\":null}")
        return out.bytes
    }

    public static func data(_ value: JSONValue) -> [UInt8] { data { $0.value(value) } }

    /// Splices a value that is JSON already.
    public static func data(encoded: [UInt8]) -> [UInt8] { data({ $0.raw(encoded) }, capacity: encoded.count + 32) }

    public static func error(_ error: AgentOSError) -> [UInt8] {
        var out = JSONWriter()
        out.raw("{\"data\":null,\"error\":{\"code\":")
        out.string(error.code.wire)
        out.raw(",\"message\":")
        out.string(error.message)
        if !error.details.isEmpty {
            out.raw(",\"details\":")
            out.value(
                .array(error.details.map { ["path": .string($0.path), "message": .string($0.message)] }))
        }
        if let run = error.runID {
            out.raw(",\"run_id\":")
            out.id(run.bits)
        }
        out.raw("}}")
        return out.bytes
    }
}
