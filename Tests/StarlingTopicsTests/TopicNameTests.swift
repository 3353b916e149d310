import Testing

@testable import StarlingTopics

@Suite struct TopicNameTests {
    @Test(arguments: ["a", "orders.v1", "A-Z_09", "-", String(repeating: "x", count: 200)])
    func isAName(_ text: String) { #expect(TopicName(text)?.text == text) }

    @Test(arguments: ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\0", "a\n", String(repeating: "x", count: 201)])
    func isNone(_ text: String) { #expect(TopicName(text) == nil) }
}
