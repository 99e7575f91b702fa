//! Accepting connections and answering what comes on them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Cut, Reply, Request, read};
use crate::log::{Delivery, Listener};
use crate::shared::{Exchange, Shared};

/// Accepts for ever; ends with the runtime.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>, role: Listener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&shared), role))),
            // Out of file descriptors: others must end first.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Everything on one connection. A connection that breaks is the client's affair.
async fn connection(stream: TcpStream, shared: Arc<Shared>, role: Listener) {
    let _ = stream.set_nodelay(true);
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let request = match read::request(&mut reader, &mut writer).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(error) => {
                let reply = Reply::text(400, &error.to_string()).with("connection", "close");
                let _ = write(&mut writer, &Request::default(), &reply).await;
                return;
            }
        };
        match exchange(&mut reader, &mut writer, &shared, role, &request).await {
            Ok(true) if request.keeps_alive() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// One request and its reply; whether the connection may go on.
async fn exchange(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    shared: &Arc<Shared>,
    role: Listener,
    request: &Request,
) -> io::Result<bool> {
    let mut exchange = Exchange::begin(shared, request, role);
    let answer = async {
        let reply = exchange.answer(request).await;
        if reply.cut == Cut::Stall {
            std::future::pending::<()>().await;
        }
        reply
    };
    let reply = tokio::select! {
        biased;
        reply = answer => reply,
        () = hung_up(reader) => {
            exchange.end(0, 0, Delivery::ClientLeft);
            return Ok(false);
        }
    };
    let written = write(writer, request, &reply).await;
    let delivery = match (&written, reply.cut) {
        (Err(_), _) => Delivery::ClientLeft,
        (Ok(_), Cut::Whole) => Delivery::Whole,
        (Ok(_), Cut::BeforeHead | Cut::AfterHead | Cut::MidBody | Cut::Stall) => Delivery::Cut,
    };
    let bytes = *written.as_ref().unwrap_or(&0);
    exchange.end(reply.status, bytes, delivery);
    written?;
    Ok(reply.cut == Cut::Whole)
}

/// Writes what the reply's cut lets through; the number of body bytes.
async fn write(writer: &mut OwnedWriteHalf, request: &Request, reply: &Reply) -> io::Result<u64> {
    let mut out = match reply.cut {
        Cut::BeforeHead | Cut::Stall => return Ok(0),
        Cut::Whole | Cut::AfterHead | Cut::MidBody => reply.head(),
    };
    let body: &[u8] = match reply.cut {
        Cut::Whole if request.method != "HEAD" => &reply.body,
        Cut::MidBody => &reply.body[..reply.body.len() / 2],
        Cut::Whole | Cut::AfterHead | Cut::BeforeHead | Cut::Stall => &[],
    };
    out.extend_from_slice(body);
    writer.write_all(&out).await?;
    Ok(body.len() as u64)
}

/// Returns when the client closes; what it sends ahead stays in the buffer.
async fn hung_up(reader: &mut BufReader<OwnedReadHalf>) {
    match reader.fill_buf().await {
        Ok([]) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}
