//! Clients of a test broker, over links in memory.

use stomp_async::{Builder, Client, Error};
use stomp_testbroker::TestBroker;

pub(crate) fn builder(broker: &TestBroker) -> Builder {
    let connector = broker.connector();
    Client::builder("stomp://broker").transport(move |_| {
        let connector = connector.clone();
        async move { connector.connect_async() }
    })
}

pub(crate) async fn client(broker: &TestBroker) -> Result<Client, Error> {
    builder(broker).connect().await
}
