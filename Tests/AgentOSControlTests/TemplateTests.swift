import AgentOSControl
import AgentOSCore
import AgentOSTestSupport
import Foundation
import Testing

@Suite("Templates of the operator's folder")
struct TemplateTests {
    private static let head = """
        id: sorter
        name: Sorter
        description: Sorts.
        category: office
        model: demo
        system_prompt: You sort.

        """

    /// What is read of a file, or what is said about it.
    private func read(_ yaml: String) async throws -> Result<AgentTemplate?, TemplateCatalogue.Invalid> {
        try await withTemporaryFolder { folder in
            try Data(yaml.utf8).write(to: URL(fileURLWithPath: folder + "/own.yaml"))
            do {
                return .success(try TemplateCatalogue(folder: folder)["sorter"])
            } catch let error as TemplateCatalogue.Invalid {
                return .failure(error)
            }
        }
    }

    @Test("a template may say everything that an agent is made of here, with texts that look like numbers")
    func whole() async throws {
        let yaml =
            Self.head
                + """
                tools: [read_url]
                approval_tools: [read_url]
                prompt_variables:
                  COMPANY: {description: "Yours", value: "007"}
                input_schema: {"type": "object", "properties": {"kind": {"enum": ["1", "2"]}}}
                output_schema:
                  type: object
                  required: [place]
                setup_notes:
                  - Look at it first.
                """
        let template = try #require(try await read(yaml).get())
        #expect(template.approvalTools == ["read_url"] && template.tools == ["read_url"])
        #expect(template.inputSchema?["properties"]?["kind"]?["enum"] == .array(["1", "2"]))
        #expect(template.outputSchema?["required"] == .array(["place"]))
        #expect(template.promptVariables["COMPANY"]?["value"] == "007")
        #expect(template.setupNotes == ["Look at it first."])
    }

    @Test(
        "what is unknown or not of its kind is refused with the file and the member",
        arguments: [
            ("temprature: 0.2", "temprature"), ("tools: read_url", "tools"), ("tools: [1]", "tools[0]"),
            ("output_schema: text", "output_schema"), ("output_schema: {type: 5}", "output_schema"),
            ("prompt_variables: [A]", "prompt_variables"), ("prompt_variables: {A: {vlaue: x}}", "prompt_variables.A"),
            ("setup_notes: Look.", "setup_notes"), ("approval_tools: {a: b}", "approval_tools"),
        ])
    func refused(line: String, member: String) async throws {
        let found = try await read(Self.head + line + "\n")
        guard case .failure(let error) = found else {
            Issue.record("\(line) was taken")
            return
        }
        #expect(error.message.contains("own.yaml: \(member)"), "\(error.message)")
    }

    @Test("a file with nothing in it is no error, a list without members is one")
    func empty() async throws {
        let none = try await read("# later\n").get()
        #expect(none?.id == nil)
        guard case .failure = try await read("- just a text\n") else {
            Issue.record("a text was taken for a template")
            return
        }
    }
}
