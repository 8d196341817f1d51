//! As much HTTP/1.1 as Lambda's API, the Telemetry API and a collector need: one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const MAX_LINE: u64 = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// Where a request goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    /// Reads `http://HOST[:PORT][/PATH]` or the same with `https`; the fault does not repeat the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let fault = || "the endpoint is no http:// or https:// URL".to_owned();
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(fault)?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(fault()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| fault())?),
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let whole = |text: &str| !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        if host.is_empty() || host.contains('@') || !whole(rest) {
            return Err(fault());
        }
        Ok(Self { secure, host: host.to_owned(), port, path: path.trim_end_matches('/').to_owned() })
    }

    /// The same place with more behind its path.
    pub fn below(&self, path: &str) -> Self {
        Self { path: format!("{}{path}", self.path), ..self.clone() }
    }
}

/// An answer's or a request's head and body.
#[derive(Debug, Default)]
pub struct Message {
    /// Its first line.
    pub first: String,
    headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Message {
    /// The status of an answer; 0 where it has none.
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// Reads one with a body of at most so many bytes.
    pub fn read(reader: &mut impl BufRead, most: usize) -> io::Result<Self> {
        let mut message = Self { first: line(reader)?, ..Self::default() };
        loop {
            let text = line(reader)?;
            if text.is_empty() {
                break;
            }
            if message.headers.len() == MAX_HEADERS {
                return Err(io::Error::other("too many headers"));
            }
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            message.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        if message.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
            loop {
                let text = line(reader)?;
                let digits = text.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(digits, 16).map_err(|_| io::Error::other("no size of a chunk"))?;
                if size == 0 {
                    break;
                }
                message.more(reader, size, most)?;
                line(reader)?;
            }
        } else if let Some(text) = message.header("content-length") {
            let size = text.parse().map_err(|_| io::Error::other("no content length"))?;
            message.more(reader, size, most)?;
        }
        Ok(message)
    }

    fn more(&mut self, reader: &mut impl BufRead, size: usize, most: usize) -> io::Result<()> {
        if self.body.len().saturating_add(size) > most {
            return Err(io::Error::other("too large"));
        }
        let before = self.body.len();
        self.body.resize(before + size, 0);
        reader.read_exact(&mut self.body[before..])
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends one request and reads its answer; `limit` is for each step of it, none waits without end.
pub fn send(
    method: &str,
    url: &Url,
    headers: &[(String, String)],
    body: &[u8],
    limit: Option<Duration>,
) -> io::Result<Message> {
    let address = (url.host.trim_matches(['[', ']']), url.port).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::other("the host has no address"))?;
    let socket =
        limit.map_or_else(|| TcpStream::connect(address), |some| TcpStream::connect_timeout(&address, some))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(limit)?;
    socket.set_write_timeout(limit)?;
    let path = if url.path.is_empty() { "/" } else { &url.path };
    let length = body.len();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n", url.host, url.port);
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let mut bytes = format!("{request}Content-Length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    if !url.secure {
        return exchange(socket, &bytes);
    }
    let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(trust()?, name).map_err(io::Error::other)?;
    exchange(StreamOwned::new(connection, socket), &bytes)
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Message> {
    stream.write_all(request)?;
    stream.flush()?;
    Message::read(&mut BufReader::new(stream), 1024 * 1024)
}

/// Whom to trust, as the operating system has it; read with the first request that needs it.
fn trust() -> io::Result<Arc<ClientConfig>> {
    static TRUST: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(found) = TRUST.get() {
        return Ok(Arc::clone(found));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::clone(TRUST.get_or_init(|| Arc::new(config))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_has_its_usual_port_and_no_slash_at_its_end() {
        let found = Url::read("https://otlp.example.com/v/").unwrap().below("/v1/logs");
        assert_eq!((found.port, found.path.as_str(), found.secure), (443, "/v/v1/logs", true));
        assert_eq!(Url::read("http://localhost:4318").unwrap().port, 4318);
        for wrong in ["", "otlp", "ftp://x", "http://", "http://x:y", "http://user:pw@x/", "http://x/\r\nHost: y"] {
            let fault = Url::read(wrong).unwrap_err();
            assert!(!fault.contains("pw"), "{fault}");
        }
    }

    #[test]
    fn a_chunked_message_is_read_whole() {
        let mut text = &b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n[1\r\n1;x\r\n]\r\n0\r\n\r\n"[..];
        assert_eq!(Message::read(&mut text, 10).unwrap().body, b"[1]");
    }

    #[test]
    fn what_is_too_large_or_cut_off_is_a_fault() {
        for text in ["P / H\r\nContent-Length: 99\r\n\r\nx", "P / H\r\nContent-Length: 3\r\n\r\nx", "P"] {
            assert!(Message::read(&mut text.as_bytes(), 10).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_ends_in_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::read(&mut &bytes[..], 100);
        }
    }
}
