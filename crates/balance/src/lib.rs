//! Which server: algorithms, weights, queues, persistence and health decisions.
