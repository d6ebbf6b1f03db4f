/// How an agent registers, by the names that Open Cluster Management has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Driver {
    /// It asks for a certificate.
    #[default]
    Csr,
    /// It goes by tokens of a service account of its own on the hub, where
    /// certificates do not pass or nobody signs them.
    Token,
}
