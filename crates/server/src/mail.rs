//! Sending of mail by SMTP, when a mail server is configured; otherwise messages stay in the outbox.

use anyhow::{Context as _, Result};
use kernel::job::{JobHandler, Outcome};
use kernel::mail::{self, Message};
use kernel::{App, Error};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use lettre::{SmtpTransport, Transport as _};
use std::sync::Arc;
use std::time::Duration;

/// Sender when none is configured.
const SENDER: &str = "Vestibule <no-reply@localhost>";
/// Longest time that the mail server may take for a command.
const PATIENCE: Duration = Duration::from_secs(20);

/// The way to the mail server; an extension of the application.
#[derive(Default)]
pub struct Mailer {
    server: Option<Server>,
}

struct Server {
    transport: SmtpTransport,
    sender: Mailbox,
}

impl Mailer {
    /// The mail server at `url`, and who sends; without a URL nothing is sent.
    ///
    /// # Errors
    /// When the URL or the sender cannot be understood.
    pub fn new(url: Option<&str>, sender: Option<&str>) -> Result<Self> {
        let Some(url) = url else { return Ok(Self::default()) };
        // The URL may hold a password: what is wrong with it is told without it.
        let builder = SmtpTransport::from_url(url).ok();
        let builder = builder.context("--smtp-url: give smtp://HOST:PORT, smtp://HOST?tls=required or smtps://HOST")?;
        let sender = sender.unwrap_or(SENDER);
        let mailbox = sender.parse().with_context(|| format!("--mail-from {sender}: give an address"))?;
        Ok(Self { server: Some(Server { transport: builder.timeout(Some(PATIENCE)).build(), sender: mailbox }) })
    }
}

impl Server {
    fn send(&self, message: &Message) -> Result<()> {
        let recipient: Mailbox = message.recipient.parse().context("the address cannot be written to")?;
        let mail = lettre::Message::builder()
            .from(self.sender.clone())
            .to(recipient)
            .subject(message.subject.clone())
            // The same at each attempt, so that a message that was taken after all is not shown twice.
            .message_id(Some(format!("<{}@{}>", message.id, self.sender.email.domain())))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(message.body.to_string())
            .context("the message cannot be written")?;
        self.transport.send(&mail).context("the mail server does not take it")?;
        Ok(())
    }
}

/// The jobs of this module.
pub fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: mail::SEND, run: send }]
}

fn send(app: &Arc<App>, id: &str) -> kernel::Result<Outcome> {
    let Some(server) = app.extension::<Mailer>().and_then(|mailer| mailer.server.as_ref()) else {
        return Ok(Outcome::Done);
    };
    let message = app.store.read(|tx| mail::get(app, tx, id))?;
    let Some(message) = message.filter(|message| message.sent_at.is_none()) else { return Ok(Outcome::Done) };
    let outcome = server.send(&message).map_err(|error| format!("{error:#}"));
    let now = app.now();
    let noted = outcome.as_ref().map(|()| now).map_err(String::as_str);
    app.store.write(|tx| mail::note_attempt(tx, id, noted), |_| {})?;
    outcome.map(|()| Outcome::Done).map_err(|error| Error::internal(format!("a mail was not sent: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{AccountId, Timestamp};
    use kernel::app::Extensions;
    use kernel::caller::Caller;
    use kernel::testing::{Setup, TestApp};
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    /// A mail server that takes one message; what it was told.
    fn mail_server(listener: TcpListener) -> Vec<String> {
        let (stream, _) = listener.accept().expect("a connection");
        let mut writer = stream.try_clone().expect("a second handle");
        let mut told = Vec::new();
        let mut is_data = false;
        writer.write_all(b"220 ready\r\n").expect("written");
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
                "." if is_data => b"250 taken\r\n",
                _ if is_data => b"",
                "DATA" => b"354 go on\r\n",
                "QUIT" => b"221 bye\r\n",
                _ => b"250 ok\r\n",
            };
            is_data = (is_data || line == "DATA") && line != ".";
            let is_end = line == "." || line == "QUIT";
            told.push(line);
            writer.write_all(answer).expect("written");
            if is_end {
                break;
            }
        }
        told
    }

    fn app(mailer: Mailer) -> TestApp {
        TestApp::new(Setup { jobs: jobs(), extensions: Extensions::default().with(mailer), ..Setup::default() })
    }

    fn write(test: &TestApp, recipient: &str) {
        let account = AccountId::parse("111122223333").expect("valid");
        let caller = Caller::Anonymous;
        let written = test.app.write_as(&caller, &test.request(), |cx| {
            mail::enqueue(cx, &account, recipient, "Grüße", "line one\nline two\n")
        });
        written.expect("written");
    }

    fn outbox(test: &TestApp) -> Vec<Message> {
        let account = AccountId::parse("111122223333").expect("valid");
        let beginning = (Timestamp::from_micros(i64::MIN), "");
        test.app.store.read(|tx| mail::list(&test.app, tx, &account, beginning, 10)).expect("listed")
    }

    #[test]
    fn a_message_reaches_the_configured_server() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || mail_server(listener));
        let test = app(Mailer::new(Some(&url), Some("Us <us@example.com>")).expect("a mailer"));
        write(&test, "alice@example.com");
        test.run_jobs();
        let told = server.join().expect("the server ends");
        let has = |text: &str| told.iter().any(|line| line.contains(text));
        assert!(has("MAIL FROM:<us@example.com>") && has("RCPT TO:<alice@example.com>"), "{told:?}");
        assert!(has("line one") && has("line two"), "{told:?}");
        let sent = outbox(&test).remove(0);
        assert!(has("MIME-Version: 1.0") && has(&format!("Message-ID: <{}@example.com>", sent.id)), "{told:?}");
        assert!(sent.sent_at.is_some() && sent.last_error.is_none() && sent.attempts == 1);
    }

    #[test]
    fn without_a_server_the_outbox_keeps_the_message() {
        let test = app(Mailer::default());
        write(&test, "alice@example.com");
        test.run_jobs();
        let kept = outbox(&test).remove(0);
        assert_eq!((kept.attempts, kept.sent_at, kept.body.as_str()), (0, None, "line one\nline two\n"));
    }

    #[test]
    fn a_failure_is_noted_with_the_message() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let test = app(Mailer::new(Some(&url), None).expect("a mailer"));
        write(&test, "alice@example.com");
        test.run_jobs();
        let kept = outbox(&test).remove(0);
        assert!(kept.sent_at.is_none() && kept.last_error.is_some());
    }

    #[test]
    fn a_url_that_is_none_is_refused_without_telling_its_password() {
        let error = Mailer::new(Some("http://user:geheim@host"), None).err().expect("refused");
        assert!(!format!("{error:#}").contains("geheim"));
        assert!(Mailer::new(Some("smtp://localhost"), Some("nobody")).is_err());
    }
}
