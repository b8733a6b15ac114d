import AgentOSCore

/// The control plane's methods as one HTML page without outside assets.
public struct ReferencePage: Sendable {
    public let html: [UInt8]

    public init(_ operations: [Operation]) {
        var groups: [(String, [Operation])] = []
        for operation in operations {
            let group = OpenAPIDocument.group(operation.name)
            if let index = groups.firstIndex(where: { $0.0 == group }) {
                groups[index].1.append(operation)
            } else {
                groups.append((group, [operation]))
            }
        }
        groups.sort { $0.0 < $1.0 }
        var out = Self.head
        out += "<nav>"
        for (group, operations) in groups {
            out += "<h2>\(group.escapedForMarkup)</h2><ul>"
            for operation in operations { out += "<li><a href=\"#\(operation.name)\">\(operation.name)</a></li>" }
            out += "</ul>"
        }
        out += "</nav><main><h1>AgentOS API reference</h1>\(Self.introduction)"
        for (_, operations) in groups { for operation in operations { out += Self.section(operation) } }
        out += "</main></body></html>"
        html = Array(out.utf8)
    }

    private static func section(_ operation: Operation) -> String {
        var out = """
            <section id="\(operation.name)"><h3><code>\(operation.name)</code>\
            <span class="\(operation.isReadOnly ? "read" : "write")">\(operation.isReadOnly ? "read" : "write")</span></h3>
            <p>\(operation.summary.escapedForMarkup) <em>\((OpenAPIDocument.access(operation)).escapedForMarkup)</em></p>
            """
        if !operation.parameters.parameters.isEmpty {
            out += "<table><tr><th>Parameter</th><th>Type</th><th></th></tr>"
            for parameter in operation.parameters.parameters {
                out += """
                    <tr><td><code>\(parameter.name)</code>\(parameter.isRequired ? " <b>required</b>" : "")</td>\
                    <td>\(parameter.type.phrase.escapedForMarkup)</td><td>\(parameter.summary.escapedForMarkup)</td></tr>
                    """
            }
            out += "</table>"
        }
        let example = JSONValue.object(ParameterExamples.example(of: operation)).text
        out += """
            <pre>curl -s $AGENTOS_BASE_URL/api/v1/rpc/\(operation.name) \\
              -H "authorization: Bearer $AGENTOS_API_KEY" -d '\(example.escapedForMarkup)'</pre>
            """
        if case .anything = operation.result { return out + "</section>" }
        return out + "<details><summary>Answer</summary><pre>"
            + (JSONValue.object(operation.result.schema).prettyText).escapedForMarkup + "</pre></details></section>"
    }

    private static let introduction = """
        <p>Every method is <code>POST /api/v1/rpc/&lt;method&gt;</code> with a JSON object; the answer is \
        <code>{"data": …, "error": null}</code>. The whole interface, reporting and invoking included, is described in \
        <a href="/openapi.json">/openapi.json</a>.</p>
        """

    private static let head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>AgentOS API reference</title>
        <meta name="viewport" content="width=device-width,initial-scale=1"><style>
        body{margin:0;font:15px/1.5 system-ui,sans-serif;display:flex;color:#1b1f24;background:#fff}
        nav{width:16rem;height:100vh;overflow:auto;position:sticky;top:0;background:#f5f6f8;padding:1rem;box-sizing:border-box;flex:none}
        nav h2{font-size:.8rem;text-transform:uppercase;margin:1rem 0 .2rem;color:#57606a}
        nav ul{list-style:none;margin:0;padding:0}nav a{color:inherit;text-decoration:none;font-size:.85rem}nav a:hover{text-decoration:underline}
        main{padding:1.5rem 2rem;max-width:56rem;min-width:0}section{border-top:1px solid #d8dee4;padding:1rem 0}
        h3{margin:.2rem 0}span.read,span.write{font-size:.7rem;margin-left:.6rem;padding:.1rem .4rem;border-radius:.3rem;font-weight:normal}
        span.read{background:#ddf4e4}span.write{background:#fde8d4}table{border-collapse:collapse;width:100%}
        td,th{text-align:left;padding:.25rem .6rem .25rem 0;vertical-align:top;border-bottom:1px solid #eef0f2}
        pre{background:#f5f6f8;padding:.7rem;overflow:auto;border-radius:.3rem}em{color:#57606a}b{color:#b35900;font-size:.75rem}
        @media(max-width:50rem){nav{display:none}}
        @media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}nav,pre{background:#1d2125}td,th,section{border-color:#30363d}a{color:#7cb7ff}span.read{background:#1d3b28}span.write{background:#47321f}}
        </style></head><body>
        """
}
