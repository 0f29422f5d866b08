//! A connection shared by many callers: requests go out together, replies find their caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::{Notify, oneshot};
use vencejo_protocol::error::CLOSE_NORMAL;
use vencejo_protocol::frame::Frame;
use vencejo_protocol::message::Welcome;

use crate::connection::{Connection, FrameReceiver, FrameSender};
use crate::error::ClientError;

/// What a caller waits for.
pub(crate) type Reply = oneshot::Receiver<Result<Frame, ClientError>>;

pub(crate) struct Link {
    pub(crate) welcome: Arc<Welcome>,
    /// For further streams.
    pub(crate) connection: quinn::Connection,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    frames: BytesMut,
    waiting: HashMap<u64, oneshot::Sender<Result<Frame, ClientError>>>,
    request_last: u64,
    finished: bool,
    /// Why the link is dead.
    lost: Option<ClientError>,
}

impl Link {
    /// Runs a connection on two tasks of the current runtime.
    pub(crate) fn start(connection: Connection) -> Arc<Self> {
        let Connection { welcome, sender, receiver } = connection;
        let connection = sender.connection.clone();
        let link = Arc::new(Self { welcome, connection, state: Mutex::default(), wake: Notify::new() });
        tokio::spawn(Arc::clone(&link).write(sender));
        tokio::spawn(Arc::clone(&link).read(receiver));
        link
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.state().lost.is_none()
    }

    /// Queues the frame that `write` appends under the request id it is given.
    pub(crate) fn request(&self, write: impl FnOnce(u64, &mut BytesMut)) -> Result<Reply, ClientError> {
        let mut state = self.state();
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        if state.finished {
            return Err(ClientError::lost("the connection is being ended"));
        }
        state.request_last += 1;
        let request = state.request_last;
        let (sender, receiver) = oneshot::channel();
        state.waiting.insert(request, sender);
        write(request, &mut state.frames);
        drop(state);
        self.wake.notify_one();
        Ok(receiver)
    }

    /// No further request will come. The link ends with the last reply.
    pub(crate) fn finish(&self) {
        self.state().finished = true;
        self.wake.notify_one();
    }

    /// Nothing is to be expected of it any more.
    pub(crate) fn abandon(&self) {
        self.lose(&ClientError::lost("no answer came in time"));
        self.connection.close(CLOSE_NORMAL.into(), b"no answer came in time");
    }

    async fn write(self: Arc<Self>, mut sender: FrameSender) {
        loop {
            let (frames, finished) = {
                let mut state = self.state();
                if state.lost.is_some() {
                    return;
                }
                (state.frames.split(), state.finished)
            };
            if !frames.is_empty() {
                if let Err(error) = sender.send(frames.freeze()).await {
                    return self.lose(&error);
                }
            } else if finished {
                return sender.finish();
            } else {
                self.wake.notified().await;
            }
        }
    }

    async fn read(self: Arc<Self>, mut receiver: FrameReceiver) {
        let end = loop {
            match receiver.next_frame().await {
                Ok(Some(frame)) => self.deliver(frame),
                Ok(None) => break ClientError::lost("the engine ended the stream"),
                Err(error) => {
                    receiver.close();
                    break error;
                }
            }
        };
        // An engine that stops ends one stream while answers are still due on others, then the connection.
        if self.state().finished {
            receiver.close();
        }
        self.lose(&end);
    }

    fn deliver(&self, frame: Frame) {
        let caller = self.state().waiting.remove(&frame.request);
        // A caller that has given up needs no answer.
        if let Some(caller) = caller {
            let _ = caller.send(Ok(frame));
        }
    }

    fn lose(&self, error: &ClientError) {
        let mut state = self.state();
        let error = state.lost.get_or_insert_with(|| error.clone()).clone();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.wake.notify_one();
        for (_, caller) in waiting {
            let _ = caller.send(Err(error.clone()));
        }
    }
}
