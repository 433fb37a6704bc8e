//! The demonstration's application: over MQTT like any other, it turns the switch on and off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lns_lorawan::DevEui;
use rumqttc::{Client, MqttOptions, QoS};

/// From one request to the next.
const PERIOD: Duration = Duration::from_secs(25);

/// Before the first: the devices need some seconds to join.
const FIRST: Duration = Duration::from_secs(9);

/// How often it looks whether it should stop.
const LOOK: Duration = Duration::from_millis(100);

/// The application's thread.
pub(super) struct Application {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Application {
    /// Connects to the embedded broker; without one there is no application.
    pub fn start(mqtt: Option<SocketAddr>, switch: DevEui) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let Some(mqtt) = mqtt else { return Ok(Application { stop, thread: None }) };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("application".into())
            .spawn(move || turn_on_and_off(mqtt, switch, &stopped))?;
        Ok(Application { stop, thread: Some(thread) })
    }

    /// Ends it.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed.
            let _ = thread.join();
        }
    }
}

fn turn_on_and_off(mqtt: SocketAddr, switch: DevEui, stop: &AtomicBool) {
    let options = MqttOptions::new("lns-demo-application", mqtt.ip().to_string(), mqtt.port());
    let (client, mut connection) = Client::new(options, 16);
    // The connection ends with its client.
    let network = std::thread::spawn(move || {
        for notification in connection.iter() {
            if notification.is_err() {
                std::thread::sleep(LOOK);
            }
        }
    });
    let mut wait = FIRST;
    for turn in 0_u32.. {
        let mut left = wait;
        while left > Duration::ZERO {
            if stop.load(Ordering::Relaxed) {
                let _ = client.disconnect();
                drop(client);
                drop(network);
                return;
            }
            std::thread::sleep(LOOK);
            left = left.saturating_sub(LOOK);
        }
        wait = PERIOD;
        let state = if turn % 2 == 0 { "on" } else { "off" };
        let body = format!(
            r#"{{"FPort":10,"Payload":{{"state":"{state}"}},"Confirmed":true,"CorrelationId":"demo-{turn}"}}"#
        );
        let topic = format!("lorawan/{switch}/down");
        if client.publish(topic, QoS::AtLeastOnce, false, body).is_ok() {
            println!("             ▼ application      asks over MQTT: switch {state}");
        }
    }
}
