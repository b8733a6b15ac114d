internal import CLibXML2
import Glibc

/// The readable text of an HTML page: what a person would see, a line for each block.
enum ReadableText {
    private static let skipped: Set<String> = [
        "script", "style", "noscript", "template", "svg", "head", "iframe", "object", "canvas",
    ]
    private static let blocks: Set<String> = [
        "p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "h1", "h2", "h3", "h4", "h5",
        "h6",
        "ul", "ol", "li", "table", "tr", "blockquote", "pre", "figure", "figcaption", "form", "br", "hr", "dl", "dt",
        "dd", "address", "details", "summary",
    ]
    private static let depthBound = 500

    static func of(html: [UInt8], contentType: String) -> String {
        let options =
            HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
            | HTML_PARSE_NONET.rawValue
        let document = html.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                htmlReadMemory($0.baseAddress, Int32($0.count), nil, charset(contentType), Int32(options))
            }
        }
        guard let document else { return "" }
        defer { xmlFreeDoc(document) }
        var out = Collector()
        if let title = title(xmlDocGetRootElement(document)) {
            out.add(title)
            out.newline()
        }
        walk(xmlDocGetRootElement(document), depth: 0, preformatted: false, &out)
        return out.text
    }

    /// The charset of the content type; pages that name none are read as UTF-8 unless they say otherwise inside.
    private static func charset(_ contentType: String) -> String? {
        let parts = contentType.lowercased().split(separator: ";").dropFirst()
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2, pair[0].filter({ $0 != " " }) == "charset" {
                return pair[1].filter { $0 != " " && $0 != "\"" }
            }
        }
        return "utf-8"
    }

    private struct Collector {
        var text = ""
        private var space = false

        mutating func add(_ piece: String) {
            for character in piece {
                if character.isWhitespace {
                    space = true
                } else {
                    if space, !text.isEmpty, text.last != "\n" { text.append(" ") }
                    space = false
                    text.append(character)
                }
            }
        }

        mutating func addAsIs(_ piece: String) { text += piece }

        mutating func newline() {
            space = false
            if !text.isEmpty, text.last != "\n" { text.append("\n") }
        }
    }

    private static func name(_ node: xmlNodePtr) -> String {
        node.pointee.name.map { String(cString: $0).lowercased() } ?? ""
    }

    private static func title(_ root: xmlNodePtr?) -> String? {
        var stack = [root].compactMap { $0 }
        while let node = stack.popLast() {
            if name(node) == "title", let content = xmlNodeGetContent(node) {
                // libxml2 allocates by malloc unless told otherwise.
                defer { free(content) }
                let text = String(cString: content)
                return text.isEmpty ? nil : text
            }
            if name(node) == "body" { continue }
            var child = node.pointee.children
            while let next = child {
                stack.append(next)
                child = next.pointee.next
            }
        }
        return nil
    }

    private static func walk(_ first: xmlNodePtr?, depth: Int, preformatted: Bool, _ out: inout Collector) {
        var current = first
        while let node = current {
            current = node.pointee.next
            switch node.pointee.type {
            case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
                guard let content = node.pointee.content else { continue }
                let text = String(cString: content)
                if preformatted { out.addAsIs(text) } else { out.add(text) }
            case XML_ELEMENT_NODE:
                let tag = name(node)
                if skipped.contains(tag) || depth > depthBound { continue }
                let isBlock = blocks.contains(tag)
                if isBlock { out.newline() }
                if tag == "li" { out.addAsIs("- ") }
                walk(node.pointee.children, depth: depth + 1, preformatted: preformatted || tag == "pre", &out)
                if isBlock { out.newline() } else if tag == "td" || tag == "th" { out.add(" ") }
            default: continue
            }
        }
    }
}
