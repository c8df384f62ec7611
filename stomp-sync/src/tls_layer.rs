use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::layered::{Layer, Layered};
use crate::transport::BoxTransport;

/// Makes a transport secure, until `deadline` at most.
pub(crate) fn secure(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    below: BoxTransport,
    deadline: Instant,
) -> io::Result<BoxTransport> {
    let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let stream = Layered::establish(tls, below, deadline, |tls| Ok(!tls.is_handshaking()))?;
    Ok(Box::new(stream))
}

impl Layer for ClientConnection {
    fn feed(&mut self, mut octets: &[u8]) -> io::Result<usize> {
        let taken = self.read_tls(&mut octets)?;
        match self.process_new_packets() {
            Ok(_) => Ok(taken),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    fn feed_end(&mut self) -> io::Result<()> {
        self.read_tls(&mut io::empty()).map(drop)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            read => read.map(Some),
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.writer().write(octets)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            taken => Ok(taken),
        }
    }

    fn drain(&mut self, octets: &mut Vec<u8>) -> io::Result<()> {
        while self.wants_write() {
            self.write_tls(octets)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        self.send_close_notify();
    }
}
