//! What all clones of a database handle share.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use pontoon_bridge::block_on;

use super::Database;
use super::changing::{Change, Changing};
use super::closing::CloseReport;
use crate::config::Config;
use crate::driver::{Driver, Source};
use crate::error::Result;
use crate::fork::Origin;
use crate::lease::Lease;
use crate::metrics::Metrics;
use crate::notifications::Notifications;
use crate::observe::Observer;
use crate::pool::{OnOpen, Pool, Snapshot, fault};
use crate::query::QueryOptions;
use crate::rollback::Rollback;
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::wait::Wait;

/// What happens when a database connects or has been closed.
pub(super) type Hook = Arc<dyn Fn(&Database) -> Result<()> + Send + Sync>;

/// The hooks of a database.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) on_connect: Option<Hook>,
    pub(super) on_disconnect: Option<Hook>,
    pub(super) on_open: Option<OnOpen>,
}

/// A database, behind its handles.
pub(crate) struct Shared {
    id: u64,
    origin: Origin,
    config: Config,
    driver: Arc<dyn Driver>,
    source: Arc<dyn Source>,
    hooks: Hooks,
    default_isolation: Option<IsolationLevel>,
    changing: Changing,
    pool: RwLock<Option<Arc<Pool>>>,
    /// Whether there is one: asked by every call.
    connected: AtomicBool,
    rollback: Rollback,
    observer: Arc<Observer>,
    /// What was done by pools that are closed.
    past: Mutex<Past>,
}

/// What was done by pools that are closed, or are being closed.
#[derive(Default)]
struct Past {
    done: Metrics,
    closing: Option<Arc<Pool>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("url", self.config.url())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(config: Config, driver: Arc<dyn Driver>, hooks: Hooks) -> Result<Arc<Shared>> {
        let source = driver.open(&config).map_err(|error| error.scrubbed(config.redactor()))?;
        Shared::with_source(config, driver, source, hooks)
    }

    fn with_source(
        config: Config,
        driver: Arc<dyn Driver>,
        source: Arc<dyn Source>,
        hooks: Hooks,
    ) -> Result<Arc<Shared>> {
        static MINTED: AtomicU64 = AtomicU64::new(1);
        let default_isolation = config.isolation_level().map(str::parse).transpose()?;
        Ok(Arc::new(Shared {
            id: MINTED.fetch_add(1, Ordering::Relaxed),
            origin: Origin::here(),
            rollback: Rollback::new(config.force_rollback()),
            observer: Arc::new(Observer::of(&config)),
            past: Mutex::default(),
            config,
            driver,
            source,
            hooks,
            default_isolation,
            changing: Changing::default(),
            pool: RwLock::new(None),
            connected: AtomicBool::new(false),
        }))
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.source.dialect()
    }

    pub(crate) fn rollback(&self) -> &Rollback {
        &self.rollback
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// The same as [`check`](Self::check), for who has what it needs of the pool.
    pub(crate) fn check_usable(&self) -> Result<()> {
        self.origin.check()?;
        if self.is_connected() { Ok(()) } else { Err(fault::not_connected()) }
    }

    /// The pool, if this handle may be used here and now.
    pub(crate) fn check(&self) -> Result<Arc<Pool>> {
        self.origin.check()?;
        self.pool.read().clone().ok_or_else(fault::not_connected)
    }

    /// When a call that starts now and has no options of its own is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.config.timeout().and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// When a call that starts now is over.
    pub(crate) fn deadline_of(&self, options: &QueryOptions) -> Option<Instant> {
        self.deadline_from(options, Instant::now())
    }

    /// When a call that started `now` is over.
    pub(crate) fn deadline_from(&self, options: &QueryOptions, now: Instant) -> Option<Instant> {
        if options.timeout.is_none() && options.deadline.is_none() {
            return self.config.timeout().and_then(|timeout| now.checked_add(timeout));
        }
        options.ends_at(now)
    }

    /// The isolation level that the configuration says.
    pub(crate) fn default_level(&self) -> Option<IsolationLevel> {
        self.default_isolation
    }

    /// The options of a transaction, with what the configuration says where they are silent.
    pub(crate) fn with_defaults(&self, options: &TxOptions, lease: &Lease) -> TxOptions {
        let mut options = *options;
        // The level belongs to the outermost transaction.
        if options.isolation.is_none() && !lease.is_in_transaction() {
            options.isolation = self.default_isolation;
        }
        options
    }

    /// The right to connect it; none when it is connected.
    pub(crate) async fn turn_to_connect(&self, wait: impl Wait) -> Result<Option<Change>> {
        self.origin.check()?;
        let change = self.changing.enter(wait, self.deadline()).await?;
        Ok((!self.is_connected()).then_some(change))
    }

    /// Connects, on this thread.
    pub(crate) fn connect(
        self: &Arc<Shared>,
        change: &Change,
        db: &Database,
        eagerly: bool,
        site: &Site,
    ) -> Result<()> {
        change.on_this_thread();
        let pool = Pool::new(
            Arc::clone(&self.source),
            &self.config,
            self.driver.name(),
            self.hooks.on_open.clone(),
            Arc::clone(&self.observer),
        )?;
        for notice in self.config.notices() {
            self.observer.notice("notice", notice);
        }
        if eagerly && let Err(error) = block_on(open_some(&pool, self.deadline(), site)) {
            pool.close(Duration::ZERO);
            pool.add_to(&mut self.past.lock().done);
            self.source.close();
            return Err(error);
        }
        *self.pool.write() = Some(pool);
        self.connected.store(true, Ordering::Release);
        if let Some(hook) = &self.hooks.on_connect {
            // A hook that fails or panics leaves the database as it was.
            let undo = Disconnect(self);
            hook(db).map_err(|error| error.context("the hook for connecting failed"))?;
            undo.keep();
        }
        Ok(())
    }

    /// The right to close it within the grace, or the report where there is nothing to be closed.
    pub(crate) async fn turn_to_close(&self, wait: impl Wait, grace: Duration) -> Result<Change, CloseReport> {
        if self.origin.check().is_err() {
            return Err(CloseReport::default());
        }
        let change = self.changing.enter(wait, Some(crate::moment::after(grace))).await;
        let change = change.map_err(|error| CloseReport { hook_error: Some(error), ..CloseReport::default() })?;
        if self.is_connected() { Ok(change) } else { Err(CloseReport::default()) }
    }

    /// Closes, on this thread.
    pub(crate) fn close(&self, change: &Change, db: &Database, grace: Duration) -> CloseReport {
        change.on_this_thread();
        let Some(pool) = self.take_pool() else { return CloseReport::default() };
        let mut report = self.shut_down(&pool, grace);
        if let Some(hook) = &self.hooks.on_disconnect {
            report.hook_error = hook(db).err().map(|error| error.context("the hook for disconnecting failed"));
        }
        report
    }

    /// The pool, to be shut down.
    fn take_pool(&self) -> Option<Arc<Pool>> {
        let mut past = self.past.lock();
        self.connected.store(false, Ordering::Release);
        let pool = self.pool.write().take();
        past.closing.clone_from(&pool);
        pool
    }

    fn shut_down(&self, pool: &Arc<Pool>, grace: Duration) -> CloseReport {
        self.rollback.unpin();
        let report = pool.close(grace);
        // One that was being pinned meanwhile.
        self.rollback.unpin();
        let mut past = self.past.lock();
        past.closing = None;
        pool.add_to(&mut past.done);
        drop(past);
        self.source.close();
        report
    }

    pub(crate) fn copy(&self, site: Site) -> Result<Database> {
        let pool = self.pool.read().clone();
        self.origin.check()?;
        let source = match &pool {
            Some(_) => {
                let forked = self.source.fork(&crate::driver::Call::until(self.deadline()));
                forked.map_err(|error| error.scrubbed(self.config.redactor()))?
            }
            None => None,
        };
        let source = match source {
            Some(source) => source,
            None => self.driver.open(&self.config).map_err(|error| error.scrubbed(self.config.redactor()))?,
        };
        let shared = Shared::with_source(self.config.clone(), Arc::clone(&self.driver), source, self.hooks.clone())?;
        if self.rollback.is_on() != shared.rollback.is_on() {
            shared.rollback.set(Some(self.rollback.is_on()));
        }
        let db = Database::of(shared);
        if pool.is_some() {
            db.connect_at(true, &site)?;
        }
        Ok(db)
    }

    /// Listens to channels, by `deadline` at the latest.
    pub(crate) fn listen(&self, channels: Vec<String>, deadline: Option<Instant>) -> Result<Notifications> {
        self.check()?;
        Notifications::start(Arc::clone(&self.source), channels, &self.config, deadline)
    }

    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    /// Another database of the same driver and the same hooks.
    pub(crate) fn sibling(&self, config: Config) -> Result<Database> {
        Ok(Database::of(Shared::new(config, Arc::clone(&self.driver), self.hooks.clone())?))
    }

    pub(super) fn refresh(&self) {
        if let Some(pool) = &*self.pool.read() {
            pool.outdate();
        }
    }

    /// Who is told of what happens.
    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    pub(super) fn metrics(&self) -> Metrics {
        // Held while the pool is looked at: one that is being closed is found exactly once.
        let past = self.past.lock();
        let mut sum = past.done.clone();
        if let Some(pool) = past.closing.as_ref().or(self.pool.read().as_ref()) {
            pool.add_to(&mut sum);
        }
        sum
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        match &*self.pool.read() {
            Some(pool) => pool.snapshot(),
            None => Snapshot::default(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            // A forked child: the pool is the parent's, and a lock of it may be held by a thread that is not here.
            let _ = ManuallyDrop::new(self.pool.get_mut().take());
            let _ = ManuallyDrop::new(self.past.get_mut().closing.take());
            self.rollback.forget();
        }
    }
}

/// Opens as many connections as are to be kept, one at least.
async fn open_some(pool: &Arc<Pool>, deadline: Option<Instant>, site: &Site) -> Result<()> {
    let mut holds = Vec::new();
    for _ in 0..pool.terms().min_idle.max(1) {
        holds.push(pool.acquire(deadline, site.clone()).await?);
    }
    Ok(())
}

/// Takes the connecting back unless told to keep it.
struct Disconnect<'s>(&'s Shared);

impl Disconnect<'_> {
    fn keep(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl Drop for Disconnect<'_> {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take_pool() {
            self.0.shut_down(&pool, Duration::ZERO);
        }
    }
}
