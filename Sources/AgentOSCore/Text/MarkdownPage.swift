/// A printable HTML page out of markdown: headings, tables, lists, fenced code, paragraphs, bold. Anything else stays text;
/// nothing of the source becomes markup of its own.
public struct MarkdownPage {
    private static let style = """
        body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
        table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #ccc;padding:.3rem .7rem;text-align:left}
        td.number{text-align:right;font-variant-numeric:tabular-nums}pre{background:#f5f5f5;padding:1rem;white-space:pre-wrap;
        overflow-wrap:anywhere}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
        @media print{body{margin:0;max-width:none}h2{break-after:avoid}tr,pre{break-inside:avoid}}
        """

    private var body: [String] = []
    private var paragraph: [String] = []
    private var items: [String] = []
    private var rows: [[String]] = []
    private var numbers: Set<Int> = []
    private var code: [String]?
    /// How many backticks began the code; as many end it.
    private var fence = 0

    public static func html(_ markdown: String, title: String) -> String {
        var page = MarkdownPage()
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) { page.add(String(line)) }
        page.close()
        if let code = page.code { page.body.append(block(code)) }
        return """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>\(title.escapedForMarkup)</title>
            <style>\(style)</style></head><body>
            \(page.body.joined(separator: "\n"))
            </body></html>

            """
    }

    private mutating func add(_ line: String) {
        if let open = code {
            let ticks = line.prefix { $0 == "`" }.count
            if ticks >= fence, line.dropFirst(ticks).allSatisfy(\.isWhitespace) {
                body.append(Self.block(open))
                code = nil
            } else {
                code = open + [line]
            }
            return
        }
        let trimmed = String(line.drop { $0 == " " })
        if trimmed.hasPrefix("```") {
            close()
            code = []
            fence = trimmed.prefix { $0 == "`" }.count
        } else if trimmed.isEmpty {
            close()
        } else if let level = Self.heading(trimmed) {
            close()
            body.append("<h\(level)>\(Self.inline(String(trimmed.dropFirst(level + 1))))</h\(level)>")
        } else if trimmed.hasPrefix("|") {
            if rows.isEmpty { close() }
            row(trimmed)
        } else if trimmed.hasPrefix("- ") || trimmed.hasPrefix("* ") {
            if items.isEmpty { close() }
            items.append(Self.inline(String(trimmed.dropFirst(2))))
        } else {
            if !rows.isEmpty || !items.isEmpty { close() }
            paragraph.append(Self.inline(trimmed))
        }
    }

    private mutating func row(_ line: String) {
        let inner = line.dropFirst().hasSuffix("|") ? line.dropFirst().dropLast() : line.dropFirst()
        let cells = inner.split(separator: "|", omittingEmptySubsequences: false).map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        if rows.count == 1, cells.allSatisfy({ !$0.isEmpty && $0.allSatisfy { "-:".contains($0) } }) {
            numbers = Set(cells.indices.filter { cells[$0].hasSuffix(":") && !cells[$0].hasPrefix(":") })
        } else {
            rows.append(cells)
        }
    }

    /// Ends whatever is open.
    private mutating func close() {
        if !paragraph.isEmpty { body.append("<p>\(paragraph.joined(separator: " "))</p>") }
        if !items.isEmpty { body.append("<ul>\(items.map { "<li>\($0)</li>" }.joined())</ul>") }
        if let head = rows.first {
            let top =
                head.allSatisfy(\.isEmpty) ? "" : "<tr>\(head.map { "<th>\(Self.inline($0))</th>" }.joined())</tr>"
            let rest = rows.dropFirst().map { cells in
                let shown = cells.enumerated().map { index, cell in
                    "<td\(numbers.contains(index) ? " class=\"number\"" : "")>\(Self.inline(cell))</td>"
                }
                return "<tr>\(shown.joined())</tr>"
            }
            body.append("<table>\(top)\(rest.joined())</table>")
        }
        (paragraph, items, rows, numbers) = ([], [], [], [])
    }

    private static func heading(_ line: String) -> Int? {
        let level = line.prefix { $0 == "#" }.count
        return (1...6).contains(level) && line.dropFirst(level).first == " " ? level : nil
    }

    private static func block(_ lines: [String]) -> String {
        "<pre><code>\(lines.joined(separator: "\n").escapedForMarkup)</code></pre>"
    }

    private static func inline(_ text: String) -> String {
        let parts = text.escapedForMarkup.split(separator: "**", omittingEmptySubsequences: false)
        guard parts.count > 2, parts.count % 2 == 1 else { return parts.joined(separator: "**") }
        return parts.enumerated().map { $0 % 2 == 1 ? "<strong>\($1)</strong>" : String($1) }.joined()
    }
}
