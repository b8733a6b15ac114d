/// Looks for a text in another one by code points. What Swift counts as one character (a line end of two code points, a
/// letter with its accent, an emoji with its skin tone) can be found in parts.
enum TextSearch {
    /// Whether a text occurs in another; the empty one occurs everywhere. Takes time by the length of both (Knuth,
    /// Morris and Pratt), whatever they hold.
    static func holds(_ text: String, _ needle: String) -> Bool {
        // A code point's UTF-8 begins nowhere inside another's, so that bytes can be compared.
        let wanted = Array(needle.utf8)
        guard !wanted.isEmpty else { return true }
        // For each byte how many of the first ones end there as well.
        var borders = [Int](repeating: 0, count: wanted.count)
        var matched = 0
        for index in wanted.indices.dropFirst() {
            while matched > 0, wanted[index] != wanted[matched] { matched = borders[matched - 1] }
            if wanted[index] == wanted[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for byte in text.utf8 {
            while matched > 0, byte != wanted[matched] { matched = borders[matched - 1] }
            if byte == wanted[matched] { matched += 1 }
            if matched == wanted.count { return true }
        }
        return false
    }
}
