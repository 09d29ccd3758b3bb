use std::time::Duration;

/// Limits of a server, and who may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most photos that go through a model together. Default: 8; more are hardly faster and take more memory.
    pub batch_size: usize,
    /// How long a photo waits for others to go with it. Default: not at all, since those that come while the model
    /// computes go together anyhow.
    pub batch_delay: Duration,
    /// The most photos that are read or wait for a model; to more the server says 503. Default: 256.
    pub queue: usize,
    /// Bytes of a request's body. Default: 32 MB.
    pub body: usize,
    /// Bytes of all bodies at a time; to more the server says 503. Default: 256 MB.
    pub bodies: usize,
    /// Pixels of a photo. Default: 64 million.
    pub pixels: u64,
    /// The most photos in a request. Default: 64.
    pub photos: usize,
    /// How long a request's head may take, and a connection wait for the next one. Default: 10 seconds.
    pub head_time: Duration,
    /// How long a request may take with its body. Default: 30 seconds.
    pub request_time: Duration,
    /// The most connections at a time; further ones wait. Default: 1024.
    pub connections: usize,
    /// What requests must bring, `Authorization: Bearer …`. Default: nothing.
    pub token: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            batch_size: 8,
            batch_delay: Duration::ZERO,
            queue: 256,
            body: 32_000_000,
            bodies: 256_000_000,
            pixels: 64_000_000,
            photos: 64,
            head_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            connections: 1024,
            token: None,
        }
    }
}
