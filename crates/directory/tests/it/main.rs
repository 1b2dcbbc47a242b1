//! Directory Service without a directory: what operations answer, and what becomes of servers that misbehave.
