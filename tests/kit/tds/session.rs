//! A connection: one thread that reads what is asked, one that answers.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rusqlite::types::Value;

use super::Shared;
use super::answer::{Answer, Done};
use super::engine::{End, Engine, Signals};
use super::fault::{Act, Failure};
use super::login::{self, Login};
use super::packet::{Message, Writer, kind};
use super::record::Asked;
use super::request::{Given, Request};
use super::tsql;

pub(super) struct Session {
    number: usize,
    shared: Arc<Shared>,
    stream: TcpStream,
    engine: Engine,
    answer: Answer,
    /// Prepared statements, with the declaration of their parameters; the first has number 1.
    prepared: Vec<Option<(String, String)>>,
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Listen,
    /// The client gave up, and waits to hear that this was heard.
    Stop,
    Deaf,
    Hang,
}

/// Talks to a client until it goes, or until the server does.
pub(super) fn talk(number: usize, shared: &Arc<Shared>, stream: TcpStream) {
    let engine = Engine::open(&shared.file);
    let signals = Arc::clone(&engine.signals);
    let reader = stream.try_clone().expect("a second handle of a socket");
    let (sender, messages) = channel();
    let listening = {
        let signals = Arc::clone(&signals);
        let mut reader = reader;
        thread::Builder::new().name(format!("tds-read-{number}")).spawn(move || {
            while let Ok(message) = Message::read(&mut reader) {
                if message.kind == kind::ATTENTION {
                    signals.attention();
                }
                if sender.send(message).is_err() {
                    break;
                }
            }
            signals.gone();
        })
    };
    let listening = listening.expect("the system has room for a thread");
    let writer = Writer::new(stream.try_clone().expect("a second handle of a socket"));
    let mut session = Session {
        number,
        shared: Arc::clone(shared),
        stream,
        engine,
        answer: Answer::new(writer),
        prepared: Vec::new(),
    };
    if let Err(error) = session.converse(&messages, &signals)
        && !matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
        )
    {
        shared.record.broke(format!("session {number}: {error}"));
    }
    let _ = session.stream.shutdown(Shutdown::Both);
    let _ = listening.join();
    shared.record.note(number, Asked::Gone);
}

impl Session {
    fn converse(&mut self, messages: &Receiver<Message>, signals: &Signals) -> io::Result<()> {
        for message in messages {
            let then = match message.kind {
                kind::PRELOGIN => {
                    let encryption = login::encryption(&message.body)?;
                    self.shared.record.note(self.number, Asked::Prelogin(encryption));
                    self.answer.plain(&login::prelogin())?;
                    Then::Listen
                }
                kind::LOGIN => self.login(&message.body)?,
                kind::ATTENTION => {
                    self.shared.record.note(self.number, Asked::Attention);
                    signals.acknowledged();
                    self.answer.stopped()?;
                    Then::Listen
                }
                _ => self.request(&message)?,
            };
            match then {
                Then::Listen | Then::Stop => {}
                Then::Hang => return Ok(()),
                Then::Deaf => {
                    // Who asks more is heard, and gets no answer.
                    for message in messages {
                        if message.kind == kind::ATTENTION {
                            self.shared.record.note(self.number, Asked::Attention);
                        }
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn login(&mut self, body: &[u8]) -> io::Result<Then> {
        let (login, password) = Login::read(body)?;
        let database = login.database.clone();
        let user = login.user.clone();
        self.shared.record.note(self.number, Asked::Login(login));
        let refusal = if user != super::USER || password != self.shared.password {
            Some(Failure::new(18456, 14, format!("Login failed for user '{user}'.")))
        } else if !database.is_empty() && database != super::DATABASE {
            let message = format!("Cannot open database \"{database}\" requested by the login. The login failed.");
            Some(Failure::new(4060, 11, message))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.answer.error(&refusal)?;
            self.answer.done(Done { failed: true, ..Done::default() })?;
            self.answer.end()?;
            return Ok(Then::Hang);
        }
        self.answer.welcome(super::DATABASE)?;
        self.answer.end()?;
        Ok(Then::Listen)
    }

    fn request(&mut self, message: &Message) -> io::Result<Then> {
        let (request, transaction) = Request::read(message)?;
        if transaction != self.engine.transaction() {
            let (theirs, ours) = (transaction, self.engine.transaction());
            return Err(io::Error::other(format!("the client is in transaction {theirs}, the server in {ours}")));
        }
        let then = match request {
            Request::Batch(text) => {
                let asked = Asked::Batch(text.clone());
                self.answered(asked, |session| session.engine.batch(&text, &[], false, &mut session.answer))?
            }
            Request::Transaction(what) => {
                let asked = Asked::Transaction(what.clone());
                self.answered(asked, |session| session.engine.manage(&what, &mut session.answer))?
            }
            Request::Procedures(procedures) => {
                let mut end = Then::Listen;
                for (name, own) in procedures {
                    let (text, given) = self.statement_of(&name, &own);
                    let asked = Asked::Procedure(name.clone(), text.clone(), given.clone());
                    end = self.answered(asked, |session| session.procedure(&name, &own, &text, &given))?;
                    if end != Then::Listen {
                        break;
                    }
                }
                end
            }
        };
        match then {
            Then::Listen => self.answer.end()?,
            // The end of this message is the answer to the attention, which is next.
            Then::Stop => return Ok(Then::Listen),
            Then::Deaf | Then::Hang => {}
        }
        Ok(then)
    }

    /// Notes what is asked, and does it or what was ordered in its place.
    fn answered(&mut self, asked: Asked, work: impl FnOnce(&mut Session) -> io::Result<End>) -> io::Result<Then> {
        let act = self.shared.record.note(self.number, asked);
        match act {
            Some(Act::Deaf) => return Ok(Then::Deaf),
            Some(Act::Die) => return Ok(Then::Hang),
            Some(Act::Fail(failure)) => {
                self.engine.fail(&failure, &mut self.answer)?;
                let in_transaction = self.engine.in_transaction();
                self.answer.done(Done { failed: true, in_transaction, ..Done::default() })?;
                return Ok(Then::Listen);
            }
            Some(Act::DieAfterRows(rows)) => self.engine.rows_left = Some(rows),
            Some(Act::DieWhenDone) | None => {}
        }
        let end = work(self)?;
        if matches!(act, Some(Act::DieWhenDone)) {
            self.answer.forget();
            return Ok(Then::Hang);
        }
        Ok(match end {
            End::Done | End::Failed => Then::Listen,
            End::Stopped => Then::Stop,
            End::Cut => {
                self.answer.flush()?;
                Then::Hang
            }
        })
    }

    /// The statement that a procedure is about, and its values under their names.
    fn statement_of(&self, name: &str, given: &[Given]) -> (String, Vec<Given>) {
        let text = |at: usize| given.get(at).and_then(Given::text).unwrap_or_default().to_owned();
        let (statement, declaration, values) = match name {
            "sp_executesql" => (text(0), text(1), given.get(2..)),
            "sp_prepare" => (text(2), text(1), None),
            "sp_prepexec" => (text(2), text(1), given.get(3..)),
            "sp_execute" | "sp_unprepare" => {
                let (statement, declaration) = self.prepared_as(given).cloned().unwrap_or_default();
                (statement, declaration, given.get(1..))
            }
            _ => return (String::new(), given.to_vec()),
        };
        let declared = tsql::declared(&declaration);
        let mut values = values.unwrap_or_default().to_vec();
        for (value, (name, _)) in values.iter_mut().zip(declared) {
            value.name = name;
        }
        (statement, values)
    }

    fn prepared_as(&self, given: &[Given]) -> Option<&(String, String)> {
        let Value::Integer(handle) = given.first()?.value else { return None };
        self.prepared.get(usize::try_from(handle).ok()?.checked_sub(1)?)?.as_ref()
    }

    fn procedure(&mut self, name: &str, own: &[Given], text: &str, given: &[Given]) -> io::Result<End> {
        let mut handle = None;
        let end = match name {
            "sp_prepare" | "sp_prepexec" => {
                let declaration = own.get(1).and_then(Given::text).unwrap_or_default();
                self.prepared.push(Some((text.to_owned(), declaration.to_owned())));
                handle = Some(i32::try_from(self.prepared.len()).expect("few statements"));
                match name {
                    "sp_prepexec" => self.engine.batch(text, given, true, &mut self.answer)?,
                    _ => End::Done,
                }
            }
            "sp_executesql" => self.engine.batch(text, given, true, &mut self.answer)?,
            "sp_execute" | "sp_unprepare" if self.prepared_as(own).is_none() => {
                let message = "Could not find prepared statement with the handle that was given.";
                self.engine.fail(&Failure::new(8179, 16, message), &mut self.answer)?;
                End::Failed
            }
            "sp_execute" => self.engine.batch(text, given, true, &mut self.answer)?,
            "sp_unprepare" => {
                let number = match own.first().map(|own| &own.value) {
                    Some(Value::Integer(number)) => usize::try_from(*number).unwrap_or_default(),
                    _ => 0,
                };
                if let Some(place) = self.prepared.get_mut(number.wrapping_sub(1)) {
                    *place = None;
                }
                End::Done
            }
            _ => {
                let message = format!("Could not find stored procedure '{name}'.");
                self.engine.fail(&Failure::new(2812, 16, message), &mut self.answer)?;
                End::Failed
            }
        };
        if matches!(end, End::Done | End::Failed) {
            let failed = end == End::Failed;
            let name = own.first().map_or("", |own| own.name.as_str()).to_owned();
            let done = Done { failed, rows: None, in_transaction: self.engine.in_transaction(), inside: false };
            self.answer.returned(handle.map(|handle| (name.as_str(), handle)), done)?;
        }
        Ok(end)
    }
}
