import AgentOSCore
import Testing

@Suite("Pages out of markdown")
struct MarkdownPageTests {
    @Test("code ends with a fence as long as the one it began with, and nothing inside is markup")
    func fences() {
        let page = MarkdownPage.html("# T\n\n````\n```\n| a |\n# no\n````\n\nafter", title: "t")
        #expect(page.contains("<pre><code>```\n| a |\n# no</code></pre>"))
        #expect(page.contains("<p>after</p>"))
    }
}
