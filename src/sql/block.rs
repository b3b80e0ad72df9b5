//! Where a statement stands that has semicolons inside: the body of a routine, a trigger, a block.

use super::dialect::Blocks;
use super::words::{is, is_any};

/// How deep in blocks a statement is.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) routine: bool,
    pub(super) depth: u32,
    /// Nothing but a line of its own ends it.
    pub(super) open: bool,
    /// The last word was `BEGIN`, `END`, or a semicolon stood before that.
    pub(super) after_begin: bool,
    after_end: bool,
    after_semicolon: bool,
    trigger_end: bool,
}

impl Block {
    /// Takes a token that is neither word nor semicolon.
    #[inline]
    pub(super) fn other(&mut self) {
        (self.after_begin, self.after_end, self.after_semicolon, self.trigger_end) = (false, false, false, false);
    }

    /// Takes a semicolon; whether the blocks let it end the statement.
    pub(super) fn semicolon(&mut self, rule: Blocks) -> bool {
        let ends = match rule {
            Blocks::None => true,
            Blocks::Trigger => !self.routine || self.trigger_end,
            Blocks::Compound | Blocks::Atomic => self.depth == 0,
            Blocks::Slash => !self.open,
            Blocks::Batch => !self.open && self.depth == 0,
        };
        self.after_semicolon = true;
        (self.after_begin, self.after_end, self.trigger_end) = (false, false, false);
        ends
    }

    /// Takes a word where blocks can begin and end.
    pub(super) fn word(&mut self, rule: Blocks, word: &[u8]) {
        let after_begin = std::mem::take(&mut self.after_begin);
        let after_end = std::mem::take(&mut self.after_end);
        let after_semicolon = std::mem::take(&mut self.after_semicolon);
        self.trigger_end = false;
        match word[0] & !0x20 {
            b'B' if is(word, "BEGIN") => {
                self.after_begin = true;
                self.depth += u32::from(matches!(rule, Blocks::Compound | Blocks::Batch));
            }
            b'C' if self.depth > 0 && !after_end && is(word, "CASE") => self.depth += 1,
            b'E' if is(word, "END") => {
                self.trigger_end = after_semicolon;
                self.after_end = self.depth > 0;
                self.depth = self.depth.saturating_sub(1);
            }
            // What is ended was never counted.
            _ if after_end && is_any(word, &["IF", "LOOP", "WHILE", "REPEAT", "FOR", "CONVERSATION"]) => {
                self.depth += 1;
            }
            b'A' if after_begin && rule == Blocks::Atomic && is(word, "ATOMIC") => self.depth += 1,
            b'T' | b'D' | b'C'
                if after_begin
                    && rule == Blocks::Batch
                    && is_any(word, &["TRAN", "TRANSACTION", "DISTRIBUTED", "DIALOG", "CONVERSATION"]) =>
            {
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}
