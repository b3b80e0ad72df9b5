//! Statements that were read before.

use std::cell::RefCell;
use std::fmt;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::dialect::Dialect;
use super::statement::Statement;
use crate::error::{Error, ErrorKind, Result};

/// Statements of a set. Four is what one look costs about as much as one.
const WAYS: usize = 4;

/// Texts longer than this are read each time: they are mostly made for one use, and a few would fill the memory.
const LONGEST: usize = 8 * 1024;

/// Keeps statements by their text, so that each is read once. Shared by threads.
///
/// A text has one of four places, found by its hash; the least recently used of the four gives way. The lock is that of
/// the four alone, and held for a comparison. Texts of more than 8 KiB and texts that cannot be read are not kept.
pub struct StatementCache {
    sets: Box<[Mutex<Set>]>,
}

/// Four places, the most recently used first.
#[derive(Default)]
struct Set([Option<(u64, Statement)>; WAYS]);

impl StatementCache {
    /// A cache for `capacity` statements, rounded up to a power of two and to four at least.
    pub fn new(capacity: usize) -> StatementCache {
        let sets = capacity.clamp(WAYS, 1 << 20).div_ceil(WAYS).next_power_of_two();
        StatementCache { sets: std::iter::repeat_with(Mutex::default).take(sets).collect() }
    }

    /// How many statements it can hold.
    pub fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The statement of this text: the kept one, or read now.
    ///
    /// # Errors
    /// Those of [`Statement::parse`].
    #[inline]
    pub fn get(&self, text: &str, dialect: &'static Dialect) -> Result<Statement> {
        let hash = hash(text.as_bytes()) ^ (std::ptr::from_ref(dialect) as u64);
        let set = &self.sets[(hash >> 32) as usize & (self.sets.len() - 1)];
        if let Some(statement) = set.lock().find(hash, text, dialect) {
            return Ok(statement);
        }
        self.read(set, hash, text, dialect)
    }

    #[cold]
    fn read(&self, set: &Mutex<Set>, hash: u64, text: &str, dialect: &'static Dialect) -> Result<Statement> {
        let statement = Statement::parse(text, dialect)?;
        if text.len() <= LONGEST {
            let displaced = set.lock().keep(hash, statement.clone());
            // Freed after the lock is.
            drop(displaced);
        }
        Ok(statement)
    }
}

impl Statement {
    /// The statement of this text, from the process's own cache: the same text is read once however many threads and
    /// databases use it.
    ///
    /// # Errors
    /// Those of [`Statement::parse`].
    #[inline]
    pub fn cached(text: &str, dialect: &'static Dialect) -> Result<Statement> {
        let recent = RECENT.try_with(|recent| recent.borrow().get(text, dialect));
        if let Ok(Some(statement)) = recent {
            return Ok(statement);
        }
        cached_by_process(text, dialect)
    }

    /// An INSERT of one row by position. Table and columns are names: a dot in `table` separates the schema from it.
    ///
    /// # Errors
    /// Those of [`Dialect::quote_ident`]; `Parameter` without any column.
    pub fn insert(dialect: &'static Dialect, table: &str, columns: &[String]) -> Result<Statement> {
        if columns.is_empty() {
            return Err(Error::new(ErrorKind::Parameter, "an insert needs one column at least"));
        }
        let table = table.split('.').map(|part| dialect.quote_ident(part)).collect::<Result<Vec<_>>>()?.join(".");
        let names = columns.iter().map(|name| dialect.quote_ident(name)).collect::<Result<Vec<_>>>()?.join(", ");
        let marks = vec!["?"; columns.len()].join(", ");
        Statement::cached(&format!("INSERT INTO {table} ({names}) VALUES ({marks})"), dialect)
    }
}

#[cold]
fn cached_by_process(text: &str, dialect: &'static Dialect) -> Result<Statement> {
    static CACHE: OnceLock<StatementCache> = OnceLock::new();
    let statement = CACHE.get_or_init(|| StatementCache::new(4096)).get(text, dialect)?;
    if text.len() <= LONGEST {
        // While the thread is being torn down it keeps none.
        let displaced = RECENT.try_with(|recent| recent.borrow_mut().keep(text, statement.clone()));
        drop(displaced);
    }
    Ok(statement)
}

/// How many statements a thread has at hand: a power of two.
const AT_HAND: usize = 16;

thread_local! {
    /// Those that this thread ran last, so that a loop over a few texts asks no lock and hashes nothing.
    static RECENT: RefCell<Recent> = const { RefCell::new(Recent([const { None }; AT_HAND])) };
}

/// Statements by where their text lies: the same place mostly holds the same text, and each text is compared.
struct Recent([Option<Statement>; AT_HAND]);

impl Recent {
    #[inline]
    fn place(text: &str) -> usize {
        let address = text.as_ptr() as usize;
        (address ^ (address >> 4) ^ (address >> 9)) & (AT_HAND - 1)
    }

    #[inline]
    fn get(&self, text: &str, dialect: &'static Dialect) -> Option<Statement> {
        self.0[Recent::place(text)]
            .as_ref()
            .filter(|statement| statement.text() == text && std::ptr::eq(statement.dialect(), dialect))
            .cloned()
    }

    /// Returns what gave way, to be freed when nothing is borrowed any more.
    fn keep(&mut self, text: &str, statement: Statement) -> Option<Statement> {
        self.0[Recent::place(text)].replace(statement)
    }
}

impl Default for StatementCache {
    /// A cache for 512 statements.
    fn default() -> StatementCache {
        StatementCache::new(512)
    }
}

impl fmt::Debug for StatementCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementCache").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

impl Set {
    #[inline]
    fn find(&mut self, hash: u64, text: &str, dialect: &'static Dialect) -> Option<Statement> {
        let at = self.0.iter().position(|place| match place {
            Some((known, statement)) => {
                *known == hash && statement.text() == text && std::ptr::eq(statement.dialect(), dialect)
            }
            None => false,
        })?;
        self.0[..=at].rotate_right(1);
        self.0[0].as_ref().map(|(_, statement)| statement.clone())
    }

    /// Puts a statement first; what falls out at the end is returned. Two threads can both have read the same text, in
    /// which case both are kept and the older one ages away.
    fn keep(&mut self, hash: u64, statement: Statement) -> Option<(u64, Statement)> {
        self.0.rotate_right(1);
        self.0[0].replace((hash, statement))
    }
}

/// Sixteen bytes a multiplication, both halves of the product folded together. Somebody who chooses texts so that they
/// collide gains that they are read anew.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const A: u64 = 0x9e37_79b9_7f4a_7c15;
    const B: u64 = 0xc2b2_ae3d_27d4_eb4f;
    #[inline]
    fn fold(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    }
    #[inline]
    fn word(bytes: &[u8]) -> u64 {
        bytes.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
    }
    let mut state = A ^ (bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        state = fold(state ^ word(chunk), B ^ word(&chunk[8..]));
    }
    let rest = chunks.remainder();
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    state = fold(state ^ word(&last), B ^ word(&last[8..]));
    fold(state, A)
}

#[cfg(test)]
mod tests {
    use super::super::{POSTGRES, SQLITE};
    use super::*;

    fn same(a: &Statement, b: &Statement) -> bool {
        std::ptr::eq(a.text(), b.text())
    }

    #[test]
    fn a_text_is_read_once_for_each_dialect() {
        let cache = StatementCache::new(64);
        let first = cache.get("select :a", &SQLITE).unwrap();
        assert!(same(&first, &cache.get("select :a", &SQLITE).unwrap()));
        let other = cache.get("select :a", &POSTGRES).unwrap();
        assert_eq!((first.sql(), other.sql()), ("select ?1", "select $1"));
        assert!(same(&first, &cache.get("select :a", &SQLITE).unwrap()));
    }

    #[test]
    fn the_least_recently_used_gives_way() {
        let cache = StatementCache::new(4);
        assert_eq!(cache.capacity(), 4);
        let kept = cache.get("select 0", &SQLITE).unwrap();
        for n in 1..=20 {
            cache.get(&format!("select {n}"), &SQLITE).unwrap();
            assert!(same(&kept, &cache.get("select 0", &SQLITE).unwrap()), "used between all others");
        }
        let gone = cache.get("select 20", &SQLITE).unwrap();
        for n in 21..25 {
            cache.get(&format!("select {n}"), &SQLITE).unwrap();
        }
        assert!(!same(&gone, &cache.get("select 20", &SQLITE).unwrap()));
        assert!(!same(&kept, &cache.get("select 0", &SQLITE).unwrap()));
    }

    #[test]
    fn a_thread_finds_its_own_by_text_and_not_by_place() {
        let mut text = String::from("select 'recent a'");
        let first = Statement::cached(&text, &SQLITE).unwrap();
        assert!(same(&first, &Statement::cached(&text, &SQLITE).unwrap()));
        assert!(std::ptr::eq(Statement::cached(&text, &POSTGRES).unwrap().dialect(), &POSTGRES));
        // Another text in the very same place.
        text.replace_range(15..16, "b");
        assert_eq!(Statement::cached(&text, &SQLITE).unwrap().text(), text);
        text.replace_range(15..16, "a");
        assert!(same(&first, &Statement::cached(&text, &SQLITE).unwrap()));
    }

    #[test]
    fn long_texts_and_errors_are_not_kept() {
        let cache = StatementCache::new(4);
        let long = format!("select '{}'", "x".repeat(LONGEST));
        let first = cache.get(&long, &SQLITE).unwrap();
        assert!(!same(&first, &cache.get(&long, &SQLITE).unwrap()));
        assert!(cache.get("select '", &SQLITE).is_err());
        assert!(cache.sets[0].lock().0.iter().all(Option::is_none));
    }

    #[test]
    fn texts_of_all_lengths_hash_apart() {
        let mut seen = std::collections::HashSet::new();
        let text = "a".repeat(100);
        for length in 0..100 {
            assert!(seen.insert(hash(&text.as_bytes()[..length])));
        }
        for at in 0..100 {
            let mut other = text.clone().into_bytes();
            other[at] = b'b';
            assert!(seen.insert(hash(&other)));
        }
    }
}
