//! Text to tokens: one folding for statement lines and for the patterns that must match them.
//!
//! Both sides go through [`Text::new`], so that case, accents, apostrophes, `&` and `+`, a stray
//! `s` after an apostrophe that the bank turned into a space, and digits glued to a word can never
//! keep a pattern from matching. A phrase is compared by its letters alone: where the bank put or
//! forgot spaces does not matter as long as both ends lie on token borders.

/// One word or number of a statement line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    start: usize,
    end: usize,
    /// Byte range in the text as the bank sent it.
    pub raw_start: usize,
    /// End of that range.
    pub raw_end: usize,
    /// Digits, or the `xxxx` of a masked card number.
    pub number: bool,
}

impl Token {
    /// Letters of the folded token, in bytes.
    pub const fn letters(&self) -> usize {
        self.end - self.start
    }
}

/// A folded and tokenised text.
#[derive(Debug, Default, Clone)]
pub struct Text {
    folded: String,
    /// The tokens in reading order.
    pub tokens: Vec<Token>,
}

impl Text {
    /// Folds and splits `raw`.
    pub fn new(raw: &str) -> Self {
        let mut text = Self { folded: String::with_capacity(raw.len() + 8), tokens: Vec::with_capacity(12) };
        for (at, c) in raw.char_indices() {
            text.take(at, c);
        }
        text.tidy();
        text
    }

    /// The folded letters of `token`.
    pub fn word(&self, token: &Token) -> &str {
        self.folded.get(token.start..token.end).unwrap_or_default()
    }

    /// The folded words of `tokens`, with spaces.
    pub fn joined(&self, tokens: &[Token]) -> String {
        let mut out = String::with_capacity(self.folded.len() + tokens.len());
        for token in tokens {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(self.word(token));
        }
        out
    }

    fn take(&mut self, at: usize, c: char) {
        let end = at + c.len_utf8();
        match c {
            '\'' | '’' | '‘' | '`' | '´' | '׳' | '״' => self.skip_apostrophe(at, end),
            '0'..='9' => self.push(at, end, c, true),
            'a'..='z' => self.push(at, end, c, false),
            'A'..='Z' => self.push(at, end, c.to_ascii_lowercase(), false),
            '&' => self.push_whole(at, "&"),
            '+' if self.tokens.last().is_some_and(|t| !t.number && t.raw_end == at) => {
                self.push_whole(at, "plus");
            }
            _ if c.is_ascii() => {}
            _ => self.take_foreign(at, end, c),
        }
    }

    fn take_foreign(&mut self, at: usize, end: usize, c: char) {
        if !c.is_alphanumeric() {
            return;
        }
        if c < '\u{250}' {
            for plain in deunicode::deunicode_char(c).unwrap_or_default().chars() {
                self.push(at, end, plain.to_ascii_lowercase(), plain.is_ascii_digit());
            }
        } else {
            for lower in c.to_lowercase() {
                self.push(at, end, lower, false);
            }
        }
    }

    /// An apostrophe does not part a word: the word simply covers it.
    fn skip_apostrophe(&mut self, at: usize, end: usize) {
        if let Some(last) = self.tokens.last_mut().filter(|t| t.raw_end == at) {
            last.raw_end = end;
        }
    }

    fn push(&mut self, at: usize, raw_end: usize, c: char, number: bool) {
        let start = self.folded.len();
        self.folded.push(c);
        let end = self.folded.len();
        match self.tokens.last_mut() {
            Some(t) if t.number == number && (t.raw_end == at || t.raw_end == raw_end) => {
                t.end = end;
                t.raw_end = raw_end;
            }
            _ => self.tokens.push(Token { start, end, raw_start: at, raw_end, number }),
        }
    }

    fn push_whole(&mut self, at: usize, word: &str) {
        let start = self.folded.len();
        self.folded.push_str(word);
        // The raw range ends where it begins, so that the next letter starts a token of its own.
        self.tokens.push(Token { start, end: self.folded.len(), raw_start: at, raw_end: at, number: false });
    }

    /// Joins what belongs together: `h & m`, `sam s`; drops the rest of the ands; marks masks.
    fn tidy(&mut self) {
        let mut kept: Vec<Token> = Vec::with_capacity(self.tokens.len());
        let mut tokens = std::mem::take(&mut self.tokens).into_iter().peekable();
        while let Some(mut token) = tokens.next() {
            let word = self.word(&token);
            let glue = match (word, kept.last()) {
                ("&", Some(last)) if last.letters() <= 2 && !last.number => {
                    let next = tokens.next_if(|n| n.letters() <= 2 && !n.number);
                    if let Some(next) = next {
                        token.end = next.end;
                        token.raw_end = next.raw_end;
                    }
                    next.is_some()
                }
                ("s", Some(last)) => !last.number && last.letters() >= 3 && last.end == token.start,
                _ => false,
            };
            match kept.last_mut() {
                Some(last) if glue => {
                    last.end = token.end;
                    last.raw_end = token.raw_end;
                }
                Some(_) if word == "and" => {}
                _ if word == "&" => {}
                _ => {
                    token.number |= token.letters() >= 2 && word.bytes().all(|b| b == b'x');
                    kept.push(token);
                }
            }
        }
        self.tokens = kept;
    }
}

/// Running fingerprint of a phrase: FNV-1a over its letters, spaces left out.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of nothing.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Appends letters.
    #[must_use]
    pub fn with(self, letters: &str) -> Self {
        letters.bytes().fold(self, Self::with_byte)
    }

    /// Appends one byte.
    #[must_use]
    pub const fn with_byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01b3))
    }

    /// The finished key: well mixed and never zero, which marks an empty slot.
    pub const fn key(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)) | 1
    }
}

/// Whether a number inside a phrase is passed over: a branch number, not part of a name such as
/// `7 eleven` or `24 hour fitness`.
pub const fn is_passed_over(token: &Token) -> bool {
    token.number && token.letters() >= 3
}

/// The letters by which a pattern is found: everything but the numbers passed over inside it.
pub fn canonical(pattern: &str) -> String {
    let text = Text::new(pattern);
    let last = text.tokens.len().saturating_sub(1);
    let kept = text.tokens.iter().enumerate();
    kept.filter(|(i, t)| *i == 0 || *i == last || !is_passed_over(t)).map(|(_, t)| text.word(t)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(raw: &str) -> String {
        let text = Text::new(raw);
        text.joined(&text.tokens)
    }

    #[test]
    fn spelling_differences_fold_into_one_form() {
        assert_eq!(folded("McDonald's"), "mcdonalds");
        assert_eq!(folded("SAM S CLUB"), "sams club");
        assert_eq!(folded("H & M"), "h&m");
        assert_eq!(folded("Marks & Spencer and Sons"), "marks spencer sons");
        assert_eq!(folded("Straße Çà Łódź"), "strasse ca lodz");
        assert_eq!(folded("DISNEY+ AIR001234"), "disney plus air 001234");
    }

    #[test]
    fn a_token_remembers_where_it_stood() {
        let raw = "ÉPICERIE d'Anne 12";
        let text = Text::new(raw);
        let spans: Vec<&str> = text.tokens.iter().map(|t| &raw[t.raw_start..t.raw_end]).collect();
        assert_eq!(spans, ["ÉPICERIE", "d'Anne", "12"]);
    }

    #[test]
    fn a_phrase_is_its_letters_without_branch_numbers() {
        assert_eq!(canonical("Panda Express"), canonical("PANDAEXPRESS"));
        assert_eq!(canonical("shell 1234 petrol"), "shellpetrol");
        assert_eq!(canonical("Trading 212"), "trading212");
    }
}
