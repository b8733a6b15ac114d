import AgentOSCore
import Testing

@Suite struct PromptTemplateTests {
    private let values = ["NAME": "Ada", "name_2": "Bob", "_X": "x", "LOOP": "{{NAME}}", "EMPTY": ""]

    @Test(
        "placeholders with a value are filled in, all else stays",
        arguments: [
            ("Hello {{NAME}}!", "Hello Ada!"), ("{{ NAME }}{{  name_2}}{{_X }}", "AdaBobx"), ("{{EMPTY}}.", "."),
            ("{{UNKNOWN}}", "{{UNKNOWN}}"), ("{{name}}", "{{name}}"), ("{NAME}", "{NAME}"), ("{{NAME}", "{{NAME}"),
            ("{{ NA ME }}", "{{ NA ME }}"), ("{{2NAME}}", "{{2NAME}}"), ("{{}}", "{{}}"), ("{{NAME", "{{NAME"),
            ("{{{NAME}}}", "{Ada}"), ("{{{{NAME}}}}", "{{Ada}}"), ("{{\tNAME}}", "{{\tNAME}}"),
            ("é {{NAME}} 😀", "é Ada 😀"),
            ("{{LOOP}}", "{{NAME}}"), ("", ""), ("{", "{"), ("{{", "{{"), ("{{_X}}", "x"),
        ])
    func filling(template: String, text: String) { #expect(PromptTemplate.fill(template, with: values) == text) }
}
