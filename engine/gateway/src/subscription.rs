//! Subscriptions: rows of a stream or an output on their way to whoever follows them.

use std::sync::Arc;

use tokio::task::spawn_local;
use vencejo_core::plan::App;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::{Followed, Subscribed};
use vencejo_runtime::{Router, TapTarget};
use vencejo_types::schema::Schema;

use crate::dispatch::Refusal;
use crate::outbound::Outbound;

/// What a subscription follows.
pub(crate) struct Found {
    name: String,
    schema: Arc<Schema>,
    answer: Subscribed,
}

/// What goes by this name.
pub(crate) fn find(app: &App, name: &str) -> Result<Found, Refusal> {
    let Some((target, schema)) = TapTarget::find(app, name) else {
        let streams = app.streams.iter().filter(|stream| !stream.is_retired()).map(|it| it.name.as_str());
        let names: Vec<&str> = streams.chain(app.flow.outputs.iter().map(|it| it.name.as_str())).collect();
        let text =
            format!("app '{}' has no stream, view or query '{name}'; it has {}", app.name, names.join(", "));
        return Err(Refusal::new(ErrorCode::UnknownStream, text));
    };
    let table = app.flow.tables.iter().find(|table| table.name == name);
    let followed = match target {
        TapTarget::Stream(_) => Followed::Stream,
        TapTarget::Output(_) | TapTarget::Table(_) => Followed::Output,
    };
    let in_parts = table.is_some_and(|table| !table.is_local());
    let answer = Subscribed { followed: Some(followed), in_parts, schema: schema.as_ref().clone() };
    Ok(Found { name: name.to_owned(), schema: Arc::clone(schema), answer })
}

/// Has every partition give its rows, then says so. The outbound has counted the request.
pub(crate) fn open(found: Found, router: Arc<Router>, outbound: Arc<Outbound>, request: u64) {
    spawn_local(async move {
        let Found { name, schema, answer } = found;
        match router.subscribe(&name, &schema, Arc::<Outbound>::clone(&outbound)).await {
            Ok(()) => outbound.open_tap(&answer),
            Err(unavailable) => {
                let refusal = Refusal { request, ..unavailable.into() };
                outbound.reply(|out| refusal.write(out));
            }
        }
    });
}
