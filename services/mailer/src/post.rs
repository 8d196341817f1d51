//! Hands a mail over: to SES, or to whatever else a copy of this service puts behind [`Post`].

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

use crate::mail::Mail;

/// Somebody who delivers mails.
pub trait Post {
    /// Sends one mail. The error says why not, in words that name nobody.
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), String>> + Send;
}

/// Amazon SES.
pub struct Ses {
    /// The client, which must not repeat by itself: what timed out may have been sent, and the queue repeats anyhow.
    pub client: Client,
    /// Who the mails are from: an address or domain that SES has verified.
    pub sender: String,
}

impl Post for Ses {
    async fn send(&self, mail: &Mail) -> Result<(), String> {
        let utf8 =
            |data: &str| Content::builder().data(data).charset("UTF-8").build().map_err(|error| error.to_string());
        let body = Body::builder().text(utf8(&mail.text)?).build();
        let message = Message::builder().subject(utf8(&mail.subject)?).body(body).build();
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(&mail.to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        // SES's own messages name the address they refuse: only the code may be logged.
        sent.map(|_| ()).map_err(|error| match &error {
            SdkError::ServiceError(refused) => format!("SES: {}", refused.err().code().unwrap_or("unknown")),
            SdkError::TimeoutError(_) => "SES did not answer in time".into(),
            SdkError::DispatchFailure(_) => "SES was not reached".into(),
            _ => "SES's answer was not understood".into(),
        })
    }
}
