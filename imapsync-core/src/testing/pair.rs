//! Two servers and the connector between: what a sync needs to run inside of one process.

use super::server::Server;
use crate::account::{Account, TlsMode};
use crate::error::Side;
use crate::net::MemoryConnector;
use crate::sync::SyncJob;
use std::sync::Arc;

/// A connector whose connections lead to these two servers over pipes in memory. Must be called inside of a runtime;
/// nothing is left of it once the connector is dropped.
pub fn connector(source: &Server, destination: &Server) -> MemoryConnector {
    let (connector, mut arrivals) = MemoryConnector::new(64 * 1024);
    let (source, destination) = (source.clone(), destination.clone());
    tokio::spawn(async move {
        while let Some((side, stream)) = arrivals.recv().await {
            match side {
                Side::Source => source.serve(stream),
                Side::Destination => destination.serve(stream),
            }
        }
    });
    connector
}

/// An account on a server in this process.
pub fn account() -> Account {
    let mut account = Account::new("localhost", "alice", "secret");
    account.tls = TlsMode::Plaintext;
    account
}

/// A sync from one server to the other.
pub fn job(source: &Server, destination: &Server) -> SyncJob {
    SyncJob::new(account(), account()).connector(Arc::new(connector(source, destination)))
}
