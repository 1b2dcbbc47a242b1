//! AWS's texts, in one place so that they can be compared with real answers.
