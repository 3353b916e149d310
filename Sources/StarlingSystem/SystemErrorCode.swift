import Glibc

/// The error numbers that Starling tells apart.
public enum SystemErrorCode {
    /// `ENOENT`: no such file.
    public static let notFound: Int32 = ENOENT
    /// `EEXIST`: it is there already.
    public static let exists: Int32 = EEXIST
    /// `ENOSPC`: the disk is full.
    public static let noSpace: Int32 = ENOSPC
    /// `EDQUOT`: the quota is used up.
    public static let quotaExceeded: Int32 = EDQUOT
    /// `EWOULDBLOCK`: somebody else holds the lock.
    public static let wouldBlock: Int32 = EWOULDBLOCK
    /// `EIO`: the device failed.
    public static let inputOutput: Int32 = EIO
    /// `EBADMSG`: the bytes are not what was written.
    public static let badMessage: Int32 = EBADMSG

    /// The system's text for an error number.
    public static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
