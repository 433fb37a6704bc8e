//! MQTT over WebSocket, at `/mqtt` of the HTTP port. MQTT 5.0 §6.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::connection::{Ends, Whence};
use super::gate::Transport;
use super::listen::Hall;
use crate::tls::TlsPeer;

/// MQTT's names for itself; `mqttv3.1` is what old browser libraries say.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
/// What a WebSocket reads at once; small, because most are idle.
const READ_BUFFER: usize = 4096;

/// The door for MQTT that comes by the HTTP port: over WebSocket, or over TLS as it is.
#[derive(Clone)]
pub struct WebSocketDoor {
    pub(super) hall: Hall,
}

impl WebSocketDoor {
    /// Answers a request for MQTT, which may come from a page in a browser: from one of this very
    /// server only, because the page's visitor has not asked it to speak to us.
    pub fn enter(
        self,
        upgrade: WebSocketUpgrade,
        headers: &HeaderMap,
        (ends, shown): (Ends, Option<TlsPeer>),
    ) -> Response {
        if !same_origin(headers, ends.client.ip()) {
            let why = "MQTT over WebSocket is not for pages of other servers";
            return (StatusCode::FORBIDDEN, why).into_response();
        }
        let Some(place) = self.hall.place(ends.client) else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let most = self.hall.reception.max_packet;
        let upgrade = upgrade
            .protocols(PROTOCOLS)
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_frame_size(most)
            .max_message_size(most);
        upgrade.on_upgrade(move |socket| async move {
            let transport = match shown {
                Some(_) => Transport::SecureWebSocket,
                None => Transport::WebSocket,
            };
            let whence = Whence { ends, transport, shown: shown.unwrap_or_default() };
            let stream = Framed { socket, unread: Bytes::new() };
            self.hall.serve(stream, whence, place).await;
        })
    }
}

impl WebSocketDoor {
    /// Serves a client that has asked for MQTT itself in its TLS handshake (ALPN), as AWS's clients
    /// do on port 443.
    pub async fn serve(self, stream: TlsStream<TcpStream>, (ends, shown): (Ends, TlsPeer)) {
        let Some(place) = self.hall.place(ends.client) else { return };
        let whence = Whence { ends, transport: Transport::Tls, shown };
        self.hall.serve(stream, whence, place).await;
    }
}

/// Whether the request comes from no page, or from a page of this server. A client on this machine may
/// have been led here by a name that points to loopback: then the page's own name gives it away.
fn same_origin(headers: &HeaderMap, client: IpAddr) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|text| text.parse().ok());
    let Some(origin) = origin.as_ref().and_then(Uri::authority) else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = host.is_some_and(|host| host.eq_ignore_ascii_case(origin.as_str()));
    let name = origin.host().trim_matches(['[', ']']);
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    named && (is_local || !client.to_canonical().is_loopback())
}

/// The bytes in a WebSocket's binary messages; packets need not keep to their borders (§6.0).
struct Framed {
    socket: WebSocket,
    unread: Bytes,
}

impl AsyncRead for Framed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    let why = "a text message; MQTT is binary";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let count = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Framed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(io::Error::other)?;
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        socket.start_send(message).map_err(io::Error::other)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_servers_are_kept_out() {
        let here: IpAddr = [127, 0, 0, 1].into();
        let away: IpAddr = [10, 0, 0, 7].into();
        for (origin, host, client, expected) in [
            (None, "localhost:8080", here, true),
            (Some("http://localhost:8080"), "localhost:8080", here, true),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", here, true),
            (Some("http://evil.example"), "localhost:8080", here, false),
            (Some("http://evil.example:8080"), "evil.example:8080", here, false),
            (Some("https://lns.example"), "lns.example", away, true),
            (Some("https://evil.example"), "lns.example", away, false),
            (Some("null"), "lns.example", away, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(same_origin(&headers, client), expected, "{origin:?} {host}");
        }
    }
}
