//! Directory Service: connections to Active Directory domains, and the people that they know.
