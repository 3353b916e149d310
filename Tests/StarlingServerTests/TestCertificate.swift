/// Certificates for tests: self-signed for localhost, and worth nothing to anybody.
enum TestCertificate {
    static let one = """
        -----BEGIN CERTIFICATE-----
        MIIBqzCCAVGgAwIBAgIUU9TT6IhutORFCa9IFzzxBFvstCUwCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRc3RhcmxpbmcgdGVzdCBvbmUwIBcNMjYxMTIxMTkyOTUwWhgP
        MjEyNjEwMjgxOTI5NTBaMBwxGjAYBgNVBAMMEXN0YXJsaW5nIHRlc3Qgb25lMFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDilouIUOUqbq8/2g2H8051Yskr6qwEOh
        VQbmJrjUtMv0KHLnrXYG++/KmEl9VQM4mVO0ZbaPHUloYoi4dO0j8qNvMG0wHQYD
        VR0OBBYEFNcxnJDr2FUYjpb4vvY6acvCAgCdMB8GA1UdIwQYMBaAFNcxnJDr2FUY
        jpb4vvY6acvCAgCdMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxo
        b3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCID+QWpwb6ii+Z30v1JV6cKWgcGk0
        sBE67PPP7VgfYIiSAiEA6RAET2xexhaLuotvB0j29DlrKvlWYDT/LAD6f12cM5k=
        -----END CERTIFICATE-----
        """

    static let keyOne = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQge8xBGp291HmnjQnx
        YOExsW80kk1uLVfpDJ4irq0hCGehRANCAAQOKWi4hQ5Spurz/aDYfzTnViySvqrA
        Q6FVBuYmuNS0y/Qocuetdgb778qYSX1VAziZU7Rlto8dSWhiiLh07SPy
        -----END PRIVATE KEY-----
        """

    static let two = """
        -----BEGIN CERTIFICATE-----
        MIIBqzCCAVGgAwIBAgIUGOODSuCmjhM+suC7w0pO1/tSqV8wCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRc3RhcmxpbmcgdGVzdCB0d28wIBcNMjYxMTIxMTkyOTUwWhgP
        MjEyNjEwMjgxOTI5NTBaMBwxGjAYBgNVBAMMEXN0YXJsaW5nIHRlc3QgdHdvMFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIePdkwsXM6f9CMHEw5+4rAvzz9HR6SM8
        UoNO713P4zu2lJvZ9E2ubRlJpGbJ/z0XxLIQKXENM+fJ5Ry4PcxBOKNvMG0wHQYD
        VR0OBBYEFAdVwqcvuStEz2TZ+feig+gfVu2zMB8GA1UdIwQYMBaAFAdVwqcvuStE
        z2TZ+feig+gfVu2zMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxo
        b3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIEOP2jYzKtDGXqTqwmqgmbZmxQO4
        WuHQWht3saQpclS6AiEAxshxkd5BdyRJscuuTkjxb1ngG/ZbyL3PB1q5Mewi0Ew=
        -----END CERTIFICATE-----
        """

    static let keyTwo = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6LzK6NcGCtWFI8Z+
        stJjvuJF42j+TJxYDlMUcycQ/kmhRANCAAQh492TCxczp/0IwcTDn7isC/PP0dHp
        IzxSg07vXc/jO7aUm9n0Ta5tGUmkZsn/PRfEshApcQ0z58nlHLg9zEE4
        -----END PRIVATE KEY-----
        """
}
