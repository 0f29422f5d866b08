//! Requests to every partition: model changes, and looks at the state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use vencejo_core::alerts::{AlertChange, AlertId, AlertRefusal};
use vencejo_core::models::{ModelChange, ModelRefusal};
use vencejo_core::plan::Succession;
use vencejo_core::{PartitionState, Retired};
use vencejo_types::limits::BROADCAST_TRIES_MAX;
use vencejo_types::schema::Schema;
use vencejo_types::{ModelId, PartitionId, Sequence, TenantId};

use crate::lanes::Lane;
use crate::request::{AlertRequest, AppRequest, Inspection, ModelRequest, Request, TapRequest};
use crate::router::{Router, Unavailable};
use crate::tap::{Tap, TapSink};

/// Pause before a full lane is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(1);
/// How long a partition may take to answer; one that has ended never does.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a change is not made everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeError {
    /// The first partition that did not make it.
    pub partition: PartitionId,
    /// Why.
    pub fault: ChangeFault,
    /// How many partitions made it.
    pub made: usize,
}

/// Why a partition does not make a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeFault<R = ModelRefusal> {
    /// Its state does not allow it.
    Refused(R),
    /// It did not take the request.
    Unavailable(Unavailable),
    /// The core panicked on it.
    Panicked,
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            ChangeFault::Refused(refusal) => write!(f, "{refusal}")?,
            ChangeFault::Unavailable(Unavailable::Overloaded) => {
                write!(f, "partition {} had no room for the change", self.partition)?;
            }
            ChangeFault::Unavailable(Unavailable::DiskFull) => {
                write!(f, "the disk is full, so partition {} cannot keep the change", self.partition)?;
            }
            ChangeFault::Unavailable(Unavailable::Stopped) => {
                write!(f, "partition {} has stopped", self.partition)?;
            }
            ChangeFault::Panicked => write!(f, "partition {} failed on the change", self.partition)?,
        }
        match self.made {
            0 => Ok(()),
            made => write!(f, "; {made} other partitions made the change: repeat it"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl Router {
    /// Changes who answers as a model, in every partition, each from its next decision on. Two of these at
    /// once may come in another order in another partition: one caller at a time. Let it run to its end;
    /// dropped before, it is made in some partitions only.
    ///
    /// # Errors
    /// The first partition's that did not make the change.
    pub async fn change_model(&self, model: ModelId, change: ModelChange) -> Result<(), ChangeError> {
        let change = Arc::new(change);
        let mut waiting = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let (reply, answer) = oneshot::channel();
            let request = ModelRequest { model, change: Arc::clone(&change), reply };
            let queued = self.queue(index, Request::Model(request)).await;
            waiting.push(queued.map(|()| answer));
        }
        let (mut made, mut first) = (0, None);
        for (index, queued) in (0..).zip(waiting) {
            let changed = match queued {
                Err(unavailable) => Err(ChangeFault::Unavailable(unavailable)),
                Ok(answer) => match tokio::time::timeout(REPLY_TIMEOUT, answer).await {
                    Ok(Ok(changed)) => changed,
                    Ok(Err(_)) | Err(_) => Err(ChangeFault::Unavailable(Unavailable::Stopped)),
                },
            };
            match changed {
                Ok(()) => made += 1,
                Err(fault) => {
                    first.get_or_insert((PartitionId { tenant: TenantId::DEFAULT, index }, fault));
                }
            }
        }
        first.map_or(Ok(()), |(partition, fault)| Err(ChangeError { partition, fault, made }))
    }

    /// Does something about an alert of this partition; on disk when this is done. Done to its end even when
    /// this is dropped.
    ///
    /// # Errors
    /// When the alert does not allow it or is not there, or the partition does not take the request.
    pub async fn change_alert(
        &self,
        partition: PartitionId,
        id: AlertId,
        change: AlertChange,
    ) -> Result<(), ChangeFault<AlertRefusal>> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Alert(AlertRequest { id, change, reply });
        self.queue(partition.index as usize, request).await.map_err(ChangeFault::Unavailable)?;
        match tokio::time::timeout(REPLY_TIMEOUT, answer).await {
            Ok(Ok(changed)) => changed,
            Ok(Err(_)) | Err(_) => Err(ChangeFault::Unavailable(Unavailable::Stopped)),
        }
    }

    /// Has another app take over, in every partition, each between two of its requests; then everywhere else.
    /// Two of these, or one and a change of models, must not run at once. Let it run to its end. Gives the
    /// longest time for which a partition served nothing else, and what is to be dropped where nobody waits.
    ///
    /// # Errors
    /// When a partition has stopped: then the engine is stopping, or has failed for good.
    pub async fn replace_app(
        &self,
        succession: Arc<Succession>,
    ) -> Result<(Duration, Vec<Retired>), Unavailable> {
        if let Some(kept) = self.kept() {
            kept.succeed(succession.to());
        }
        let mut waiting = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            // Half a change is none: a full lane is waited for.
            let answer = loop {
                let (reply, answer) = oneshot::channel();
                let request = AppRequest { succession: Arc::clone(&succession), reply };
                match self.queue(index, Request::App(request)).await {
                    Ok(()) => break answer,
                    Err(Unavailable::Overloaded | Unavailable::DiskFull) => {}
                    Err(Unavailable::Stopped) => return Err(Unavailable::Stopped),
                }
            };
            waiting.push(answer);
        }
        let (mut longest, mut retired) = (Duration::ZERO, Vec::new());
        for answer in waiting {
            let answered = tokio::time::timeout(REPLY_TIMEOUT, answer).await;
            let replaced = answered.ok().and_then(Result::ok).ok_or(Unavailable::Stopped)?;
            longest = longest.max(replaced.took);
            retired.extend(replaced.retired);
        }
        self.serving.replace(&succession);
        Ok((longest, retired))
    }

    /// Follows what goes by this name and has these columns: once this is done, the rows of everything that a
    /// partition applies from then on come to `sink`, until that says that nobody listens.
    ///
    /// # Errors
    /// When a partition cannot take the request or has stopped.
    pub async fn subscribe(
        &self,
        name: &str,
        schema: &Arc<Schema>,
        sink: Arc<dyn TapSink>,
    ) -> Result<(), Unavailable> {
        let tap = Tap { name: name.to_owned(), schema: Arc::clone(schema), sink };
        let mut waiting = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let (reply, answer) = oneshot::channel();
            self.queue(index, Request::Tap(TapRequest { tap: tap.clone(), reply })).await?;
            waiting.push(answer);
        }
        for answer in waiting {
            let answered = tokio::time::timeout(REPLY_TIMEOUT, answer).await;
            answered.ok().and_then(Result::ok).ok_or(Unavailable::Stopped)?;
        }
        Ok(())
    }

    /// What `read` finds in each partition's state, by ascending partition. It runs on the partition's
    /// thread, between two requests: it must be short.
    ///
    /// # Errors
    /// When a partition cannot take the request or has stopped.
    pub async fn inspect<R: Send + 'static>(
        &self,
        read: impl Fn(&PartitionState) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, Unavailable> {
        self.each(move |state| read(state)).await
    }

    /// Each partition's last event and the digest of its state ([`PartitionState::digest`]; nothing where a
    /// page of the snapshot cannot be had), by ascending partition. A partition serves nothing else while its
    /// state is read: for checks.
    ///
    /// # Errors
    /// As [`Router::inspect`].
    pub async fn digests(&self) -> Result<Vec<(Sequence, Option<u64>)>, Unavailable> {
        self.each(|state| (state.sequence(), state.digest().ok())).await
    }

    async fn each<R: Send + 'static>(
        &self,
        read: impl Fn(&mut PartitionState) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, Unavailable> {
        let read = Arc::new(read);
        let mut waiting = Vec::with_capacity(self.partitions.len());
        for index in 0..self.partitions.len() {
            let (reply, answer) = oneshot::channel();
            let read = Arc::clone(&read);
            let look: Inspection = Box::new(move |state| {
                // Whoever asked may have gone.
                let _ = reply.send(read(state));
            });
            self.queue(index, Request::Inspect(look)).await?;
            waiting.push(answer);
        }
        let mut found = Vec::with_capacity(waiting.len());
        for answer in waiting {
            let answered = tokio::time::timeout(REPLY_TIMEOUT, answer).await;
            found.push(answered.ok().and_then(Result::ok).ok_or(Unavailable::Stopped)?);
        }
        Ok(found)
    }

    /// What `read` finds in one partition's state. It runs as with [`Router::inspect`].
    ///
    /// # Errors
    /// When the partition cannot take the request or has stopped.
    pub async fn inspect_one<R: Send + 'static>(
        &self,
        partition: PartitionId,
        read: impl FnOnce(&PartitionState) -> R + Send + 'static,
    ) -> Result<R, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let look: Inspection = Box::new(move |state| {
            // Whoever asked may have gone.
            let _ = reply.send(read(state));
        });
        self.queue(partition.index as usize, Request::Inspect(look)).await?;
        let answered = tokio::time::timeout(REPLY_TIMEOUT, answer).await;
        answered.ok().and_then(Result::ok).ok_or(Unavailable::Stopped)
    }

    /// Queues a request in a partition's fast lane, and waits for room there.
    async fn queue(&self, index: usize, mut request: Request) -> Result<(), Unavailable> {
        for _ in 0..BROADCAST_TRIES_MAX {
            match self.partitions[index].push(Lane::Fast, request) {
                Ok(()) => return Ok(()),
                Err((Unavailable::Overloaded, Some(back))) => request = back,
                Err((unavailable, _)) => return Err(unavailable),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        Err(Unavailable::Overloaded)
    }
}
