//! Pictures out of one bucket, thumbnails into the other.
//!
//! Two buckets, so that nothing this service writes can invoke it, whatever becomes of prefixes; and so that its role
//! can write nothing where pictures are.

use std::io;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::event::{Task, encoded, newer};
use crate::picture::thumbnail;
use crate::stream::Chunks;

/// Bytes of the largest object that is read.
const LARGEST: i64 = 200_000_000;
/// Chunks that wait for the decoder.
const AHEAD: usize = 4;
/// How often a race for one thumbnail is run.
const ATTEMPTS: usize = 5;
/// Metadata of thumbnails: what they show, and of which change. Nothing that has it is made a thumbnail of.
const OF: &str = "thumbnail-of";
const SEQUENCER: &str = "thumbnail-sequencer";

/// What has become of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// There is a thumbnail.
    Made,
    /// The object was deleted meanwhile.
    Gone,
    /// The object was overwritten meanwhile; that has an event of its own.
    Overwritten,
    /// The object is a thumbnail itself.
    Own,
    /// There is a thumbnail of this change or of a newer one.
    Known,
}

/// Makes the thumbnail that `task` asks for. Doing it again changes nothing.
///
/// # Errors
/// What stood in the way, for the log; the event comes again.
pub async fn make(client: &Client, task: &Task, thumbnails: &str) -> Result<Done, String> {
    let object = match read(client, task).await? {
        Ok(object) => object,
        Err(done) => return Ok(done),
    };
    let own = object.metadata().is_some_and(|metadata| metadata.contains_key(OF));
    if own {
        return Ok(Done::Own);
    }
    if object.content_length().unwrap_or_default() > LARGEST {
        return Err(format!("more than {LARGEST} bytes"));
    }
    let small = decoded(object.body).await?;
    write(client, task, thumbnails, small).await
}

/// The object as it is now, if that is what the event tells of. Read without a version: an event that is late must not
/// bring an old picture back, and the newer one's own event comes.
async fn read(client: &Client, task: &Task) -> Result<Result<GetObjectOutput, Done>, String> {
    let etag = task.etag.as_ref().map(|etag| format!("\"{etag}\""));
    let asked = client.get_object().bucket(&task.bucket).key(&task.key).set_if_match(etag).send().await;
    let error = match asked {
        Ok(object) => return Ok(Ok(object)),
        Err(error) => error,
    };
    // Whoever may not list the bucket is told "forbidden" instead of "gone": the manifest allows it.
    match (error.code(), error.raw_response().map(|answer| answer.status().as_u16())) {
        (Some("NoSuchKey" | "NoSuchVersion"), _) | (_, Some(404)) => Ok(Err(Done::Gone)),
        (Some("PreconditionFailed"), _) | (_, Some(412)) => Ok(Err(Done::Overwritten)),
        _ => Err(DisplayErrorContext(error).to_string()),
    }
}

/// Decodes on a thread of its own while the object arrives, and stops reading as soon as that ends.
async fn decoded(mut body: ByteStream) -> Result<Vec<u8>, String> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let decoding = spawn_blocking(move || thumbnail(Chunks::new(receiver)));
    while let Some(chunk) = body.next().await {
        if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
            break;
        }
    }
    drop(sender);
    decoding.await.map_err(|_| "the decoder panicked")?
}

/// Puts the thumbnail there unless there is one of a newer change: events of one key come in any order, and two may be
/// worked on at the same time.
async fn write(client: &Client, task: &Task, thumbnails: &str, small: Vec<u8>) -> Result<Done, String> {
    let mut over: Option<String> = None; // the thumbnail that is replaced
    for _ in 0..ATTEMPTS {
        let replaces = over.is_some();
        let put = client
            .put_object()
            .bucket(thumbnails)
            .key(task.target())
            .content_type("image/png")
            .metadata(OF, encoded(&task.key))
            .metadata(SEQUENCER, &task.sequencer)
            .set_if_none_match((!replaces).then(|| "*".into()))
            .set_if_match(over.take())
            .body(ByteStream::from(small.clone()))
            .send()
            .await;
        match put {
            Ok(_) => return Ok(Done::Made),
            Err(error) if !raced(&error, replaces) => return Err(DisplayErrorContext(error).to_string()),
            Err(_) => {}
        }
        let there = client.head_object().bucket(thumbnails).key(task.target()).send().await;
        match there {
            Ok(there) => {
                let known = there.metadata().and_then(|all| all.get(SEQUENCER)).map_or("", String::as_str);
                if !newer(&task.sequencer, known) {
                    return Ok(Done::Known);
                }
                over = there.e_tag().map(Into::into);
            }
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => {}
            Err(error) => return Err(DisplayErrorContext(error).to_string()),
        }
    }
    Err("others write the same thumbnail all the time".into())
}

/// Whether somebody else wrote or deleted in between.
fn raced<E>(error: &SdkError<E>, replaces: bool) -> bool {
    error.raw_response().is_some_and(|answer| match answer.status().as_u16() {
        409 | 412 => true,
        404 => replaces,
        _ => false,
    })
}
