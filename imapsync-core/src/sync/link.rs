//! One side of a run: its account, its connection, and how it comes back after a loss.

use super::event::{Emitter, Event};
use crate::account::{Account, Compression};
use crate::client::{Connection, Opened, open};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::capability::Capability;
use crate::imap::frame::Limits;
use crate::imap::response::Status;
use crate::net::Connector;
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Different texts of a server that are shown; more than that is noise.
const MOST_TOLD: usize = 200;

/// One side of a run.
pub(crate) struct Link {
    pub(crate) side: Side,
    pub(crate) account: Account,
    connector: Arc<dyn Connector>,
    limits: Limits,
    events: Emitter,
    cancel: CancellationToken,
    connection: Option<Connection>,
    /// What the server offers but refused to do; kept over reconnections.
    pub(crate) untrue: Capability,
    losses_in_a_row: u32,
    last_loss: Option<Error>,
    /// What the server has said for people so far, so that nothing is told twice.
    told: HashSet<String>,
    /// How often it was connected again.
    pub(crate) reconnections: u64,
    /// When that was last: what answers since may be another machine, which does not know the latest yet.
    pub(crate) reconnected: Option<Instant>,
}

impl Link {
    pub(crate) fn new(
        side: Side,
        account: Account,
        connector: Arc<dyn Connector>,
        limits: Limits,
        events: Emitter,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            side,
            account,
            connector,
            limits,
            events,
            cancel,
            connection: None,
            untrue: Capability::empty(),
            losses_in_a_row: 0,
            last_loss: None,
            told: HashSet::new(),
            reconnections: 0,
            reconnected: None,
        }
    }

    /// A further connection to the same account, not open yet.
    pub(crate) fn another(&self) -> Self {
        let mut link = Self::new(
            self.side,
            self.account.clone(),
            self.connector.clone(),
            self.limits,
            self.events.clone(),
            self.cancel.clone(),
        );
        link.untrue = self.untrue;
        link
    }

    /// Opens a connection for [`Link::adopt`], in one try.
    pub(crate) fn opener(&self) -> impl Future<Output = Result<Opened, Error>> + Send + 'static {
        let (side, account, connector, limits) =
            (self.side, self.account.clone(), self.connector.clone(), self.limits);
        async move { open(side, &account, &*connector, &limits).await }
    }

    /// The line is slow: connections that are opened from now on compress, unless the account says never.
    pub(crate) fn compress(&mut self) {
        if self.account.compression == Compression::Auto {
            self.account.compression = Compression::Always;
        }
    }

    /// Takes a further connection to an account that was opened before: nothing about it is news.
    pub(crate) fn adopt(&mut self, opened: Opened) {
        let mut connection = opened.connection;
        connection.capabilities_mut().remove(self.untrue);
        self.losses_in_a_row = 0;
        self.connection = Some(connection);
    }

    /// The connection, opened (again) where there is none. Gives up after the account's number of tries without
    /// progress; refused credentials and certificates are never tried twice.
    pub(crate) async fn ready(&mut self) -> Result<&mut Connection, Error> {
        while self.connection.is_none() {
            self.pause().await?;
            match open(self.side, &self.account, &*self.connector, &self.limits).await {
                Ok(opened) => self.opened(opened),
                Err(error) => {
                    let again = error.is_retryable()
                        || (self.last_loss.is_some()
                            && !matches!(
                                error.kind(),
                                ErrorKind::Authentication | ErrorKind::Tls | ErrorKind::Usage
                            ));
                    if !again {
                        return Err(error);
                    }
                    self.lost(error)?;
                }
            }
        }
        self.connection
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::ConnectionLost, "no connection").on(self.side))
    }

    fn opened(&mut self, opened: Opened) {
        let Opened { mut connection, greeting, tls, notices } = opened;
        connection.capabilities_mut().remove(self.untrue);
        if let Some(reason) = self.last_loss.take() {
            self.reconnections += 1;
            self.reconnected = Some(Instant::now());
            self.events.emit(|| Event::Reconnected { side: self.side, reason });
        } else {
            let encryption = tls.map(|tls| format!("{} {}", tls.version, tls.cipher));
            self.events.emit(|| Event::Connected { side: self.side, greeting, encryption });
            for text in notices {
                self.events.emit(|| Event::Notice { side: Some(self.side), text });
            }
            let capabilities = connection.masked(&connection.capabilities().to_string());
            self.events.emit(|| Event::LoggedIn { side: self.side, capabilities });
        }
        self.connection = Some(connection);
    }

    /// The first try after a loss is made at once, the next ones after pauses that double; each no sooner than the server
    /// asked for.
    async fn pause(&mut self) -> Result<(), Error> {
        let pause = match self.losses_in_a_row {
            0 | 1 => Duration::ZERO,
            n => Duration::from_millis(500).saturating_mul(1 << (n - 2).min(16)).min(LONGEST_PAUSE),
        };
        let pause = pause.max(self.last_loss.as_ref().and_then(Error::retry_after).unwrap_or_default());
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "interrupted").on(self.side)),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Passes on what the server has said for people.
    fn hear(&mut self) {
        for text in self.connection.as_mut().map(Connection::take_told).unwrap_or_default() {
            if self.told.len() < MOST_TOLD && self.told.insert(text.clone()) {
                self.events.emit(|| Event::Notice { side: Some(self.side), text });
            }
        }
    }

    /// The connection, where there is one.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.hear();
        self.connection.as_mut()
    }

    /// Closes the connection at once; no loss, we wanted it.
    pub(crate) fn drop_connection(&mut self) {
        self.hear();
        self.connection = None;
    }

    /// What a status says, without secrets.
    pub(crate) fn said(&self, status: &Status) -> String {
        self.connection.as_ref().map_or_else(|| status.to_string(), |connection| connection.said(status))
    }

    /// Takes the capability back for the rest of the run: the server offers it but refused it.
    pub(crate) fn distrust(&mut self, capability: Capability) {
        self.untrue |= capability;
        if let Some(connection) = &mut self.connection {
            connection.capabilities_mut().remove(capability);
        }
    }

    /// Something got done: the next loss is the first one again.
    pub(crate) fn progress(&mut self) {
        self.hear();
        self.losses_in_a_row = 0;
    }

    /// Drops the connection because of this error.
    ///
    /// # Errors
    ///
    /// The same error, once it has happened too often without progress, or where it is not the connection's.
    pub(crate) fn lost(&mut self, error: Error) -> Result<(), Error> {
        self.hear();
        self.connection = None;
        if !error.is_connection_lost() && !error.is_retryable() && error.kind() != ErrorKind::Connect {
            return Err(error);
        }
        self.losses_in_a_row += 1;
        if self.losses_in_a_row > self.account.reconnect_tries.max(1) {
            return Err(error.hint(format!(
                "gave up after {} tries; --reconnectretry{} sets how many",
                self.losses_in_a_row,
                self.side.number()
            )));
        }
        tracing::info!(side = %self.side, "connection lost: {error}");
        self.last_loss = Some(error);
        Ok(())
    }

    /// Says goodbye, without waiting long for an answer.
    pub(crate) async fn close(&mut self) {
        self.hear();
        if let Some(mut connection) = self.connection.take() {
            let farewell = connection.call(crate::imap::command::Command::Logout, |_| {});
            let _ = tokio::time::timeout(Duration::from_secs(2), farewell).await;
        }
    }
}
