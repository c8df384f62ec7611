/// How names of destinations stand for several: words are parted by dots, and `*` is any one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wildcards {
    /// Stands for any number of words.
    pub(crate) any_words: &'static str,
    /// Whether there are patterns of queues; patterns of topics there are always.
    pub(crate) in_queues: bool,
}

const ANY_WORD: &str = "*";

impl Wildcards {
    /// Tells whether a destination may stand for several.
    pub(crate) fn is_pattern(self, name: &str) -> bool {
        let words = self.words(name);
        words.is_some_and(|(_, words)| {
            words
                .split('.')
                .any(|word| word == ANY_WORD || word == self.any_words)
        })
    }

    /// Tells whether a pattern stands for a destination.
    pub(crate) fn matches(self, pattern: &str, name: &str) -> bool {
        let (Some((kind, pattern)), Some((other, name))) = (self.words(pattern), self.words(name))
        else {
            return false;
        };
        let pattern: Vec<_> = pattern.split('.').collect();
        let name: Vec<_> = name.split('.').collect();
        kind == other && self.words_match(&pattern, &name)
    }

    fn words_match(self, pattern: &[&str], name: &[&str]) -> bool {
        // Whether the words of the pattern so far stand for that many words of the name.
        let mut stands = vec![false; name.len() + 1];
        stands[0] = true;
        for word in pattern {
            if *word == self.any_words {
                let first = stands.iter().position(|stands| *stands);
                let first = first.unwrap_or(stands.len());
                stands[first..].fill(true);
                continue;
            }
            for end in (1..stands.len()).rev() {
                let fits = *word == ANY_WORD || *word == name[end - 1];
                stands[end] = stands[end - 1] && fits;
            }
            stands[0] = false;
        }
        stands[name.len()]
    }

    /// Parts the kind of a destination from its words, if there are patterns of that kind.
    fn words(self, name: &str) -> Option<(&str, &str)> {
        let kinds = ["/topic/", "/queue/"];
        let kinds = &kinds[..if self.in_queues { 2 } else { 1 }];
        let kind = kinds.iter().find(|kind| name.starts_with(**kind))?;
        Some(name.split_at(kind.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_word() {
        let wildcards = Wildcards {
            any_words: "#",
            in_queues: false,
        };
        let matches = |name| wildcards.matches("/topic/a.*.c", name);
        assert!(matches("/topic/a.b.c"));
        assert!(matches("/topic/a..c"));
        assert!(!matches("/topic/a.c"));
        assert!(!matches("/topic/a.b.b.c"));
        assert!(!matches("/topic/a.b.c.d"));
        assert!(!matches("/queue/a.b.c"));
        assert!(wildcards.is_pattern("/topic/*"));
        assert!(!wildcards.is_pattern("/topic/a*"));
        assert!(!wildcards.is_pattern("/queue/*"));
    }

    #[test]
    fn the_other_is_any_number_of_words() {
        let wildcards = Wildcards {
            any_words: ">",
            in_queues: true,
        };
        let matches = |pattern, name| wildcards.matches(pattern, name);
        assert!(matches("/queue/a.>", "/queue/a"));
        assert!(matches("/queue/a.>", "/queue/a.b.c"));
        assert!(matches("/queue/>", "/queue/a.b"));
        assert!(matches("/queue/>.c", "/queue/a.b.c"));
        assert!(!matches("/queue/>.c", "/queue/a.b.d"));
        assert!(!matches("/queue/a.>", "/queue/b.a"));
        assert!(!matches("/queue/>", "/topic/a"));
        let many = "a.".repeat(50);
        let pattern = format!("/queue/{}b", ">.".repeat(50));
        assert!(!wildcards.matches(&pattern, &format!("/queue/{many}c")));
    }
}
