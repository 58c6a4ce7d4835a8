//! A mail as it travels: RFC 5322, with MIME parts (RFC 2046).

use std::time::{Duration, UNIX_EPOCH};

use askama::Template;
use lettre::{
    Message,
    message::{Mailbox, MessageBuilder, MultiPart, header::ContentType},
};

use super::Mail;
use crate::{
    ambient::Ambient,
    error::{Error, Result},
    ids::Job,
};

/// The mail as text alone.
pub(super) fn plain(mail: &Mail, from: &Mailbox, ambient: &Ambient) -> Result<Message> {
    let builder = builder(mail, from, ambient)?.header(ContentType::TEXT_PLAIN);
    builder.body(lines(&mail.text)).map_err(Error::internal)
}

/// The mail as text and, for those who prefer it, as a page.
pub(super) fn with_page(mail: &Mail, from: &Mailbox, ambient: &Ambient) -> Result<Message> {
    let parts = MultiPart::alternative_plain_html(lines(&mail.text), lines(&page(mail)?));
    builder(mail, from, ambient)?.multipart(parts).map_err(Error::internal)
}

fn builder(mail: &Mail, from: &Mailbox, ambient: &Ambient) -> Result<MessageBuilder> {
    let at = UNIX_EPOCH + Duration::from_micros(ambient.now().0.unsigned_abs());
    let id = format!("<{}@{}>", ambient.id::<Job>(), from.email.domain());
    Ok(Message::builder()
        .from(from.clone())
        .to(mail.to.parse().map_err(Error::internal)?)
        .subject(&mail.subject)
        .date(at)
        .message_id(Some(id)))
}

/// With the ends of lines that mails have.
fn lines(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Page<'a> {
    subject: &'a str,
    paragraphs: Vec<Paragraph<'a>>,
}

struct Paragraph<'a>(&'a str);

impl Paragraph<'_> {
    /// Whether it is a one-time code.
    fn is_code(&self) -> bool {
        self.0.len() == 6 && self.0.bytes().all(|byte| byte.is_ascii_digit())
    }
}

fn page(mail: &Mail) -> Result<String> {
    let paragraphs = mail.text.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
    let paragraphs = paragraphs.map(Paragraph).collect();
    Page { subject: &mail.subject, paragraphs }.render().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Mail {
        Mail {
            to: "ada@example.org".to_owned(),
            subject: "Your code".to_owned(),
            text: text.to_owned(),
        }
    }

    fn from() -> Mailbox {
        "Chatterbox <no-reply@chat.example>".parse().unwrap()
    }

    #[test]
    fn a_letter_has_a_text_and_a_page() {
        let mail = mail("Hello Ada,\nthis is your code:\n\n123456\n\nBye.\n");
        let letter = with_page(&mail, &from(), &Ambient::system()).unwrap().formatted();
        let letter = String::from_utf8(letter).unwrap();
        assert!(letter.contains("Content-Type: multipart/alternative"), "{letter}");
        assert!(letter.contains("\r\n123456\r\n"), "alone on a line: {letter}");
        assert!(letter.contains("<strong>123456</strong>"), "{letter}");
        assert!(letter.contains("Hello Ada,<br>this is your code:"), "{letter}");
        assert!(letter.contains("@chat.example>\r\n"), "{letter}");
    }

    #[test]
    fn what_looks_like_a_page_is_text() {
        let page = page(&mail("<script>alert(1)</script> & more")).unwrap();
        assert!(!page.contains("<script>") && page.contains("more"), "{page}");
    }

    #[test]
    fn a_subject_is_one_line() {
        let mut mail = mail("Hello");
        mail.subject = "Hello\r\nBcc: eve@example.org".to_owned();
        let letter = plain(&mail, &from(), &Ambient::system()).unwrap();
        let letter = String::from_utf8(letter.formatted()).unwrap();
        assert!(!letter.contains("\nBcc:"), "{letter}");
    }
}
